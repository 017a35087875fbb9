import { z } from 'zod'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { CHANNEL_NAMES } from '../../rollouts/notifications/channel.ts'
import { NotificationCursors } from '../../rollouts/notifications/cursors.ts'

const channelsSchema = z.object({
  channels: z
    .array(
      z.object({
        name: z.enum(CHANNEL_NAMES),
        waiting: z.int().describe('The rollouts with events that it has not reported yet'),
        failing: z.int().describe('Those of them whose last message failed'),
        last_error: z.string().nullable().describe('Why the oldest of these failed'),
      }),
    )
    .describe('The configured channels'),
})

/** The document of `GET /api/v1/notification-channels`. */
export type ChannelsDocument = z.infer<typeof channelsSchema>

/** `GET /api/v1/notification-channels`: where messages about rollouts go, and whether they arrive. */
export function channelRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/notification-channels',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'The configured channels for messages about rollouts, and whether they arrive',
        response: { 200: channelsSchema },
      },
    },
    async () => {
      const counts = await new NotificationCursors(control.store.database, control.store.schema).counts()
      return {
        channels: control.notificationChannels.map((name) => {
          const { waiting = 0, failing = 0, last_error = null } = counts.find(({ channel }) => channel === name) ?? {}
          return { name, waiting, failing, last_error }
        }),
      }
    },
  )
}
