import { z } from 'zod'
import { applicationInWords } from '../../../applications/index.ts'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { ACTIVE_STATES, ROLLOUT_STATES } from '../../../rollouts/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { Joined } from '../../explain/joined.ts'
import {
  attentionSentence,
  gatewaySummary,
  movingOf,
  type Need,
  rolloutNeeds,
  stateSentence,
  trafficSummary,
} from '../../explain/overview.ts'
import { readStatus } from '../../explain/read-status.ts'
import { Renewed } from '../../explain/renewed.ts'
import { attentionNeeded } from '../../explain/status.ts'
import { pointsOf, spanOf, type TrafficPoint, totalsOf } from '../../explain/traffic.ts'
import { trafficCounts } from '../../outcomes/traffic-counts.ts'
import { environmentField } from '../flags/flags.ts'
import { brakeDocument, brakeSchema } from '../operations/brake.ts'
import { latencyOf, latencySchema } from './traffic.ts'

const MOST_ROLLOUTS = 100
/** Every open console asks again after each change. */
const GAP_MS = 250
const SEVERITIES = ['broken', 'waiting', 'notice'] as const

const flowsSchema = z.object({ flows: z.number(), failed: z.number(), ours: z.number() })

const overviewSchema = z.object({
  environment: z.enum(ENVIRONMENTS),
  sentence: z.string().describe('The state of the migration in one sentence'),
  attention_sentence: z.string(),
  applications: z.object({ all: z.int(), on_iam: z.int() }),
  traffic: z
    .object({
      share_on_iam: z.number().describe('0 to 1, of the last hour'),
      flows_per_minute: z.object({ rails: z.number(), iam: z.number() }),
    })
    .nullable()
    .describe('Null when there was no traffic within the last hour'),
  needs_you: z
    .array(
      z.object({
        kind: z.string(),
        severity: z.enum(SEVERITIES),
        sentence: z.string(),
        path: z.string().describe('The page of the console that shows it'),
        at: z.string().nullable(),
      }),
    )
    .describe('The most severe first'),
  moving: z
    .array(
      z.object({
        id: z.int(),
        name: z.string(),
        state: z.enum(ROLLOUT_STATES),
        step: z.string().nullable().describe('What the step in force moved; null before the first'),
        next_step: z.string().nullable().describe('What the next step moves; null after the last'),
        earliest_next_at: z.string().nullable(),
        waiting_for: z.array(z.string()),
      }),
    )
    .describe('The active rollouts'),
  gateways: z.object({
    all: z.int().describe('Those that are connected'),
    current: z.int().describe('Those of them that hold the newest version'),
    version: z.int(),
    lag_ms: z.number().nullable().describe('How far the slowest is behind; null while none has reported'),
  }),
  failed_flows: z.object({ rails: flowsSchema, iam: flowsSchema }).describe('Within the last hour'),
  p99_ms: latencySchema.describe('Of the last hour, in milliseconds; null for a side without requests'),
  brake: brakeSchema,
})
/** The document of `GET /api/v1/overview`. */
export type OverviewDocument = z.infer<typeof overviewSchema>

/** `GET /api/v1/overview`: is the migration well, and does it need a person? */
export function overviewRoutes(api: Api, control: ControlContext): void {
  const traffic = new Renewed((environment: Environment) => lastHour(control, environment), {
    freshMs: 4_000,
    usableMs: 60_000,
    most: ENVIRONMENTS.length,
  })
  const documents = new Joined(
    async (environment: Environment) =>
      JSON.stringify(overviewSchema.parse(await overviewDocument(control, environment, traffic.get(environment)))),
    GAP_MS,
  )
  api.get(
    '/api/v1/overview',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['console'],
        summary: 'The state of the migration, what needs a person, and what moves now',
        querystring: z.object({ environment: environmentField }),
        response: { 200: overviewSchema },
      },
    },
    // All callers receive the same text, which the schema has already checked.
    async (request, reply) =>
      reply
        .type('application/json; charset=utf-8')
        .serializer((text: unknown) => String(text))
        .send((await documents.get(request.query.environment)) as never),
  )
}

async function overviewDocument(
  control: ControlContext,
  environment: Environment,
  lastHourOfTraffic: Promise<LastHour>,
): Promise<OverviewDocument> {
  const [facts, { points, latency }, brake] = await Promise.all([
    readStatus(control, environment),
    lastHourOfTraffic,
    brakeDocument(control, environment),
  ])
  const rollouts = await control.rollouts.list({ environment, states: ACTIVE_STATES, limit: MOST_ROLLOUTS })
  const problems = await control.rollouts.openProblems(environment)
  const nameOf = (id: number) => {
    const application = control.feed.cache.application(id)
    return application === undefined ? String(id) : applicationInWords(application)
  }
  const needs = bySeverity([
    ...attentionNeeded(facts).map((each): Need => ({ ...each, at: each.kind === 'brake' ? brake.changed_at : null })),
    ...rolloutNeeds(rollouts, problems, { now: facts.now, nameOf }),
  ])
  const summary = trafficSummary(points)
  const { all, on_iam } = facts.applications
  return {
    environment,
    sentence: stateSentence(facts.applications, summary),
    attention_sentence: attentionSentence(needs),
    applications: { all, on_iam },
    traffic: summary,
    needs_you: needs,
    moving: movingOf(rollouts).map((each) => ({ ...each, waiting_for: [...each.waiting_for] })),
    gateways: gatewaySummary(facts.gateways, control.feed.cache.version),
    failed_flows: totalsOf(points),
    p99_ms: latency,
    brake,
  }
}

interface LastHour {
  readonly points: readonly TrafficPoint[]
  readonly latency: OverviewDocument['p99_ms']
}

async function lastHour(control: ControlContext, environment: Environment): Promise<LastHour> {
  const span = spanOf('hour', Date.now())
  const except = control.probing.twins.applicationIds()
  const points = pointsOf(await trafficCounts(control.store, environment, span, { except }), span)
  const { p99_ms } = await latencyOf(control, environment, 'hour')
  return { points, latency: p99_ms }
}

function bySeverity(needs: readonly Need[]): Need[] {
  return [...needs].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))
}
