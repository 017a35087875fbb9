import { z } from 'zod'
import { type Candidate, readTrafficLines, simulate, TrafficCounter } from '../../../rollouts/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendFieldFaults } from '../../requests/problems.ts'
import { cohortsOf } from '../../rollouts/engine/cohorts.ts'
import { planField, sendPlanFaults } from './plan-check.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const BODY_LIMIT = 16 << 20
const MOST_COUNTS = 5_000_000

const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

const stepSchema = z.object({
  number: z.int(),
  moves: z.string(),
  applications: z.array(z.int()),
  traffic_share: z.number().nullable(),
  flows_at_risk: z.number().describe('How many flows could fail before the guards act'),
  load: z
    .object({ average_per_second: z.number(), peak_per_second: z.number() })
    .describe('The flows a second of all applications that are moved then'),
  begins_after_ms: z.number().nullable().describe('After the start; null when an earlier step never ends'),
  evidence_after_ms: z.number().nullable().describe('After its beginning; null when it never suffices'),
  lasts_ms: z.number().nullable(),
  stalls: z.array(z.string()),
  waits_for: z.array(z.string()),
})

const simulationSchema = z.object({
  steps: z.array(stepSchema),
  applications: z.int().describe('How many there are in all'),
  lasts_ms: z.number().nullable(),
  soak_ms: z.number(),
  observed: z.object({ from: z.string(), until: z.string(), applications: z.int() }),
})
/** What a plan would do, as the API says it. */
export type SimulationDocument = z.infer<typeof simulationSchema>

/** What a plan would do, from what applications did. */
export function simulationRoutes(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/rollouts/simulate',
    {
      config: { roles: PEOPLE, changes: 'nothing' },
      bodyLimit: BODY_LIMIT,
      schema: {
        tags: ['rollouts'],
        summary: 'What a plan would do: who moves when, the load, when the evidence suffices, what stalls',
        body: z.strictObject({
          plan: planField,
          traffic: z
            .strictObject({ from: moment, until: moment, flows: z.string() })
            .optional()
            .describe(
              'Lines `application,kind,hour,count`, hours since 1970; default: the outcomes of the last day, if there are any',
            ),
        }),
        response: {
          200: simulationSchema,
        },
      },
    },
    async (request, reply) => {
      const { plan: given, traffic } = request.body
      const read = await control.rollouts.readPlan(given)
      if ('faults' in read) return sendPlanFaults(reply, read.faults)
      const { plan } = read
      const period = traffic ?? lastDay()
      const counter = traffic ? readTrafficLines(traffic.flows) : await outcomesOf(control, plan.environment, period)
      if (counter === undefined) {
        return sendFieldFaults(reply, [{ field: 'traffic', rule: 'must be lines application,kind,hour,count' }])
      }
      const { from, until } = period
      const observed = counter.traffic({ from, until }) ?? { from, until, applications: new Map() }
      if (traffic && observed.applications.size === 0) {
        return sendFieldFaults(reply, [{ field: 'traffic', rule: 'must have a flow within its period' }])
      }
      const { cache } = control.feed
      const candidates = await candidatesOf(control)
      const simulation = simulate({ plan, gates: cache.gates(plan.environment, plan.flag), candidates, observed })
      return {
        steps: simulation.steps.map((step) => ({
          ...step,
          ...{ applications: [...step.applications], stalls: [...step.stalls], waits_for: [...step.waits_for] },
        })),
        ...{ applications: candidates.length, lasts_ms: simulation.lasts_ms, soak_ms: simulation.soak_ms },
        observed: {
          ...{ from: new Date(observed.from).toISOString(), until: new Date(observed.until).toISOString() },
          applications: observed.applications.size,
        },
      }
    },
  )
}

/** All applications except twins, with their cohorts; one whose registration cannot be read is a cohort of its own. */
async function candidatesOf({ store, feed, probing }: ControlContext): Promise<Candidate[]> {
  const cohorts = await cohortsOf(store)
  const real = feed.cache.applications().filter(({ id }) => !probing.twins.isProbe(id))
  return real.map(({ id, client_id: clientId }) => {
    return { id, clientId, cohort: cohorts.get(id) ?? `unknown/${id}` }
  })
}

function lastDay(): { readonly from: number; readonly until: number } {
  const until = Date.now()
  return { from: until - DAY_MS, until }
}

/** The flows on both sides, without those of probe twins: what has been moved already continues as before. */
async function outcomesOf(
  { outcomes, probing }: ControlContext,
  environment: Parameters<ControlContext['outcomes']['read']>[0]['environment'],
  { from, until }: { readonly from: number; readonly until: number },
): Promise<TrafficCounter> {
  const counter = new TrafficCounter()
  const hour = Math.floor(from / HOUR_MS) * HOUR_MS
  const range = { environment, resolution: 'hour', from: hour, until, limit: MOST_COUNTS } as const
  const counts = await outcomes.read({ ...range, side: undefined, kind: undefined, applicationId: undefined })
  for (const { application_id: id, kind, at, count } of counts) {
    if (!probing.twins.isProbe(id)) counter.add(id, kind, at, count)
  }
  return counter
}
