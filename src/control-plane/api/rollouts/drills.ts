import { z } from 'zod'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { callerContext } from '../../flags/request-context.ts'
import { DRILLS, type DrillName, type StoredDrill } from '../../rollouts/probes/drill-store.ts'
import { environmentField } from '../flags/flags.ts'
import { busy, elsewhere, off } from './probes.ts'

const drillSchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  drill: z.enum(DRILLS),
  passed: z.boolean(),
  is_current: z.boolean().describe('Whether it still counts: passed, recent, and with the running version of IAM'),
  outcomes: z.int(),
  iam_version: z.string().nullable(),
  sentence: z.string(),
  at: z.string(),
  by: z.string(),
})

/** Drills: proof on the running system that a guard catches a broken application, and that new flows fail open. */
export function drillRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/drills',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'The latest drill of each kind',
        querystring: z.object({ environment: environmentField }),
        response: { 200: z.object({ drills: z.array(drillSchema) }) },
      },
    },
    async (request) => {
      const { environment } = request.query
      if (environment !== control.probing.environment) return { drills: [] }
      const drills = await Promise.all(
        DRILLS.map(async (name) => {
          const stored = await control.probing.latestDrill(name)
          return stored === undefined ? [] : [await drillDocument(control, environment, name, stored)]
        }),
      )
      return { drills: drills.flat() }
    },
  )
  api.post(
    '/api/v1/drills',
    {
      config: { roles: OPERATORS, environment: 'named' },
      schema: {
        tags: ['rollouts'],
        summary: 'Run a drill with a twin application',
        body: z.strictObject({ environment: environmentField, drill: z.enum(DRILLS) }),
        response: { 200: drillSchema },
      },
    },
    async (request, reply) => {
      const { environment } = request.body
      if (environment !== control.probing.environment) return elsewhere(reply, control)
      const { drill } = request.body
      await control.feed.catchUp()
      const result = await control.probing.drill(drill, callerContext(request).by)
      if (result === 'busy') return busy(reply)
      if (result === 'off') return off(reply)
      return drillDocument(control, environment, drill, result)
    },
  )
}

async function drillDocument(
  control: ControlContext,
  environment: Environment,
  drill: DrillName,
  { hasPassed, outcomes, iamVersion, sentence, at, by }: StoredDrill,
): Promise<z.infer<typeof drillSchema>> {
  const current = await control.probing.currentDrill(environment, drill)
  return {
    ...{ environment, drill, passed: hasPassed, is_current: current !== undefined, outcomes },
    ...{ iam_version: iamVersion ?? null, sentence, at: at.toISOString(), by },
  }
}
