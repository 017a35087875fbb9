import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { OUTCOME_KINDS, OUTCOME_SIDES } from '../../../outcomes/index.ts'
import { INJECTED_FAULTS } from '../../../probes/index.ts'
import { OPERATORS, PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendProblem } from '../../requests/problems.ts'
import type { StoredProbe } from '../../rollouts/probes/probe-store.ts'
import type { ProbeReport } from '../../rollouts/probes/probes.ts'
import type { KnownTwin } from '../../rollouts/probes/twins.ts'
import { environmentField } from '../flags/flags.ts'

const sideField = z.enum(OUTCOME_SIDES)

const stepSchema = z.object({
  name: z.string(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  side: sideField.nullable(),
  reason: z.string().nullable(),
  request_id: z.string().nullable(),
  duration_ms: z.number(),
})

const resultSchema = z.object({
  kind: z.enum(OUTCOME_KINDS),
  verdict: z.enum(['succeeded', 'failed', 'not_tried']),
  failed_at: z.string().nullable().describe('The step that failed; for not_tried, the flow that did'),
  status: z.int().nullable(),
  error: z.string().nullable().describe('An OAuth error, or what was wrong, such as timed_out'),
  side: sideField.nullable().describe('The side that served it; null if unknown'),
  reason: z.string().nullable().describe("The reason of the gateway's decision"),
  request_id: z.string().nullable(),
  duration_ms: z.number(),
})

const reportSchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  application_id: z.int().nullable().describe('The application that was asked for'),
  twin: z.string(),
  twin_application_id: z.int(),
  side: sideField.nullable().describe('The side that had to serve the flows'),
  succeeded: z.boolean(),
  results: z.array(resultSchema.extend({ steps: z.array(stepSchema) })),
  faults: z.array(
    z.object({
      fault: z.enum(INJECTED_FAULTS),
      verdict: z.enum(['succeeded', 'failed']),
      observed: z.string().describe('What the client met: kept or signed_out for lost_answer, otherwise as_expected'),
      steps: z.array(stepSchema),
    }),
  ),
})

const requestSchema = z.strictObject({
  environment: environmentField,
  oauth_application: z
    .union([z.int().positive(), z.string().min(1).max(255)])
    .optional()
    .describe('An id or client_id; its twin is probed. Default: every twin that is probed on schedule'),
  side: sideField.optional().describe('Default: the side that the flag says for the application'),
  kinds: z.array(z.enum(OUTCOME_KINDS)).min(1).optional(),
  faults: z
    .boolean()
    .default(false)
    .describe('Also inject the faults that a twin is configured for, with every twin that has one'),
})

const latestSchema = z.object({
  probes: z.array(resultSchema.extend({ twin: z.string(), twin_application_id: z.int(), at: z.string() })),
})

/** Probes: flows of twin applications through the gateway, on demand and as scheduled. */
export function probeRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/probes',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'The latest result of each twin, side and kind of flow',
        querystring: z.object({ environment: environmentField }),
        response: { 200: latestSchema },
      },
    },
    async (request) => {
      const isOwn = request.query.environment === control.probing.environment
      return { probes: isOwn ? (await control.probing.latest()).map(storedDocument) : [] }
    },
  )
  api.post(
    '/api/v1/probes',
    {
      config: { roles: OPERATORS, environment: 'named' },
      schema: {
        tags: ['rollouts'],
        summary: 'Run one flow of each kind with a twin application',
        body: requestSchema,
        response: { 200: z.object({ succeeded: z.boolean(), probes: z.array(reportSchema) }) },
      },
    },
    async (request, reply) => {
      const { oauth_application: named, side, kinds, faults } = request.body
      const { environment } = request.body
      // A twin for faults only has, for example, used up its request limit on purpose: a flow of it proves nothing.
      const runsFlows = ({ sides }: KnownTwin) => named !== undefined || sides.length > 0
      if (environment !== control.probing.environment) return elsewhere(reply, control)
      const found = await twinsOf(control, named)
      if ('fault' in found) return sendProblem(reply, found.status, found.code, { detail: found.fault })
      const probes: Array<z.infer<typeof reportSchema>> = []
      const twins = found.twins.filter(
        (one) =>
          (runsFlows(one) && (kinds === undefined || one.twin.kinds.some((kind) => kinds.includes(kind)))) ||
          (faults && one.faults.length > 0),
      )
      if (twins.length === 0)
        return sendProblem(reply, 409, 'change_refused', { detail: 'no twin runs this kind of flow' })
      for (const twin of twins) {
        const asked = found.applicationId ?? twin.applicationId
        const flag = control.feed.cache.isFlagOn(environment, asked) ? ('iam' as const) : ('rails' as const)
        const tried = faults ? twin.faults : []
        const report = await control.probing.run({
          twin,
          side: side ?? flag,
          kinds: runsFlows(twin) ? kinds : [],
          faults: tried,
          occasion: 'demand',
        })
        if (report === 'busy') return busy(reply)
        if (report === 'off') return off(reply)
        probes.push(reportDocument(control, report, found.applicationId))
      }
      return { succeeded: probes.every(({ succeeded }) => succeeded), probes }
    },
  )
}

/** Answers 409 for an environment that this control plane does not probe. */
export function elsewhere(reply: FastifyReply, control: ControlContext): FastifyReply {
  const detail = `this control plane probes ${control.probing.environment} only`
  return sendProblem(reply, 409, 'change_refused', { detail })
}

/** Answers 503: other runs are waiting. */
export function busy(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 503, 'unavailable', { detail: 'too many probes are waiting; try again in a minute' })
}

/** Answers 409: there is no twin. */
export function off(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 409, 'change_refused', {
    detail: 'no twin for drills is configured and announced; see control.probes in the configuration',
  })
}

type Found =
  | { readonly twins: readonly KnownTwin[]; readonly applicationId: number | undefined }
  | { readonly fault: string; readonly status: 404 | 409; readonly code: 'unknown_application' | 'change_refused' }

async function twinsOf({ probing, feed }: ControlContext, named: string | number | undefined): Promise<Found> {
  await feed.catchUp()
  const none = 'no twin application is configured and announced; see control.probes in the configuration'
  if (probing.twins.known().length === 0) return { fault: none, status: 409, code: 'change_refused' }
  if (named === undefined) {
    return { twins: probing.twins.known().filter(({ isForDrills }) => !isForDrills), applicationId: undefined }
  }
  const { cache } = feed
  const id = typeof named === 'number' ? named : /^\d{1,15}$/.test(named) ? Number(named) : undefined
  const application =
    (id === undefined ? undefined : cache.application(id)) ?? cache.applicationByClientId(String(named))
  if (application === undefined) {
    return { fault: 'there is no such application', status: 404, code: 'unknown_application' }
  }
  const twins = await probing.twins.standingFor(application.id)
  if (twins.length > 0) return { twins, applicationId: application.id }
  const cohort = (await probing.twins.cohortOf(application.id)) ?? 'unknown'
  const fault = `no twin stands for the cohort ${cohort} of application ${application.id}; configure one in control.probes`
  return { fault, status: 409, code: 'change_refused' }
}

function reportDocument(
  control: ControlContext,
  { twin, side, hasSucceeded, results, faults }: ProbeReport,
  applicationId: number | undefined,
): z.infer<typeof reportSchema> {
  return {
    environment: control.probing.environment,
    application_id: applicationId ?? null,
    twin: twin.name,
    twin_application_id: twin.applicationId,
    side: side ?? null,
    succeeded: hasSucceeded,
    results: results.map((result) => ({ ...resultDocument(result), steps: result.steps.map(stepDocument) })),
    faults: faults.map(({ fault, verdict, observed, steps }) => ({
      ...{ fault, verdict, observed },
      steps: steps.map(stepDocument),
    })),
  }
}

function resultDocument(result: ProbeReport['results'][number] | StoredProbe): z.infer<typeof resultSchema> {
  return {
    kind: result.kind,
    verdict: result.verdict,
    failed_at: result.failedAt ?? null,
    status: result.status ?? null,
    error: result.error ?? null,
    side: result.side ?? null,
    reason: result.reason ?? null,
    request_id: result.requestId ?? null,
    duration_ms: result.durationMs,
  }
}

function storedDocument(stored: StoredProbe): z.infer<typeof latestSchema>['probes'][number] {
  const { twin, applicationId, at } = stored
  return { ...resultDocument(stored), twin, twin_application_id: applicationId, at: at.toISOString() }
}

function stepDocument(step: ProbeReport['results'][number]['steps'][number]): z.infer<typeof stepSchema> {
  return {
    name: step.name,
    status: step.status ?? null,
    error: step.error ?? null,
    side: step.side ?? null,
    reason: step.reason ?? null,
    request_id: step.requestId ?? null,
    duration_ms: step.durationMs,
  }
}
