import { z } from 'zod'
import type { GuardReading, PooledReading } from '../../../guards/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendFieldFaults } from '../../requests/problems.ts'
import { storedTrail } from '../../rollouts/guards/stored-trail.ts'
import { environmentField } from '../flags/flags.ts'

const guardSchema = z.object({
  application_id: z.int(),
  guard: z.string().describe('failures, completion, latency, shape or probes'),
  verdict: z.enum(['pass', 'fail', 'not_enough_evidence']),
  evidence: z.number().describe('1 at the start; the attempt fails when it reaches the threshold'),
  threshold: z.number().describe('1,000, and twice as much with each further attempt'),
  outcomes: z.int(),
  failures: z.int(),
  tolerated_rate: z.number().describe('The failure rate that the evidence is against, fixed when the attempt began'),
  sentence: z.string().describe('The verdict with its numbers'),
})
/** What one guard says, in a document of the API. */
export type GuardDocument = z.infer<typeof guardSchema>

const pooledSchema = z.object({
  guard: z.enum(['cohort', 'global']),
  cohort: z.string().nullable().describe('Null for all moved applications'),
  applications: z.int(),
  verdict: z.enum(['fail', 'not_enough_evidence']),
  evidence: z.number().describe('The mean of the evidence of the guards of failures'),
  threshold: z.number(),
  outcomes: z.int(),
  failures: z.int(),
  suspects: z
    .array(z.int())
    .describe('Ids, the strongest evidence first; 5 % of them are wrong in expectation at most'),
  sentence: z.string(),
})

const guardsSchema = z.object({
  guards: z.array(guardSchema),
  pooled: z.array(pooledSchema).describe('The evidence of each cohort and of all; empty for one application'),
  trail: z
    .array(z.object({ at: z.string(), evidence: z.number() }))
    .describe('How the strongest evidence of one application grew, oldest first; empty for all'),
})
/** The document of `GET /api/v1/guards`. */
export type GuardsDocument = z.infer<typeof guardsSchema>

/** What the guards say about moved applications. */
export function guardRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/guards',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'The guards of one moved application, or of all',
        querystring: z.object({
          environment: environmentField,
          oauth_application: z.string().min(1).max(255).optional().describe('An id or client_id. Default: all'),
        }),
        response: {
          200: guardsSchema,
        },
      },
    },
    async (request, reply) => {
      const { environment, oauth_application: named } = request.query
      const application = named === undefined ? undefined : control.feed.cache.applicationNamed(named)
      if (named !== undefined && application === undefined) {
        return sendFieldFaults(reply, [{ field: 'oauth_application', rule: 'must be a known application' }])
      }
      const readings = await control.guards.storedReadings(environment, application?.id)
      const pooled = application === undefined ? await control.guards.storedPooledReadings(environment) : []
      const points = application === undefined ? [] : await storedTrail(control.store, environment, application.id)
      const trail = points.map(([at, evidence]) => ({ at: new Date(at).toISOString(), evidence }))
      return { guards: readings.map(guardDocument), pooled: pooled.map(pooledDocument), trail }
    },
  )
}

function pooledDocument({ cohort, suspects, ...reading }: PooledReading): z.infer<typeof pooledSchema> {
  return { ...reading, cohort: cohort ?? null, suspects: [...suspects] }
}

/** Renders a reading. */
export function guardDocument(reading: GuardReading): z.infer<typeof guardSchema> {
  const { applicationId, guard, verdict, evidence, threshold, outcomes, failures, toleratedRate, sentence } = reading
  return {
    ...{ application_id: applicationId, guard, verdict, evidence, threshold, outcomes, failures },
    ...{ tolerated_rate: toleratedRate, sentence },
  }
}
