import { z } from 'zod'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { dayOf } from '../../flags/flag-lives.ts'

const documentSchema = z.object({
  flags: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      status: z.enum(['stale', 'review_due']),
      since: z.string(),
      until: z.string(),
    }),
  ),
})

/** Lists the flags that have outlived the lifetime of their type. */
export function staleFlagRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/stale-flags',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['flags'],
        summary: 'Flags that exceed the lifetime of their type or are due for review',
        response: { 200: documentSchema },
      },
    },
    async () => {
      const document: z.infer<typeof documentSchema> = { flags: [] }
      for (const { name, life } of await control.flagLives.find()) {
        const { type } = control.definitions.flags.get(name) ?? { type: '' }
        const days = { since: dayOf(life.since), until: dayOf(life.until) }
        document.flags.push({ name, type, status: life.kind === 'stale' ? 'stale' : 'review_due', ...days })
      }
      return document
    },
  )
}
