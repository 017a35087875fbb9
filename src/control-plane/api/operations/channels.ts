import { z } from 'zod'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { CHANNEL_NAMES } from '../../rollouts/notifications/channel.ts'

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
      const { database, schema } = control.store
      const rows = await database.query<{ name: string; waiting: number; failing: number; last_error: string | null }>(
        `select channel as name, count(*)::int as waiting, (count(*) filter (where attempts > 0))::int as failing,
           (array_agg(last_error order by next_at) filter (where attempts > 0))[1] as last_error
          from ${schema}.notification_cursors where told < newest group by channel`,
      )
      return {
        channels: control.notificationChannels.map((name) => {
          const { waiting = 0, failing = 0, last_error = null } = rows.find((row) => row.name === name) ?? {}
          return { name, waiting, failing, last_error }
        }),
      }
    },
  )
}
