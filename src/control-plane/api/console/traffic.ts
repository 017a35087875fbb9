import { z } from 'zod'
import type { Environment, FlagState } from '../../../flags/index.ts'
import { OUTCOME_KINDS } from '../../../outcomes/index.ts'
import { ROUTING_FLAG } from '../../../routing/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import { readEntries } from '../../audit/audit-log.ts'
import type { AuditEntry } from '../../audit/entry.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { lastMove } from '../../explain/application-history.ts'
import { entryInWords } from '../../explain/entry-in-words.ts'
import { Joined } from '../../explain/joined.ts'
import { flowsByKind, pointsOf, spanOf, type TrafficRange } from '../../explain/traffic.ts'
import { BRAKE_SUBJECT } from '../../flags/brake-writes.ts'
import { latencyCounts, p99Of, SLOT_MINUTES, slotsOf } from '../../outcomes/latency-counts.ts'
import { trafficCounts } from '../../outcomes/traffic-counts.ts'
import { sendProblem } from '../../requests/problems.ts'
import { environmentField, wordField } from '../flags/flags.ts'

const RANGES = ['hour', 'day', 'week'] as const satisfies readonly TrafficRange[]
/** How many of the newest flips, and of the newest decisions, are marked. */
const MOST_MARKS = 100
const GAP_MS = 1_000
/** Few enough for a line next to a number. */
const LATENCY_POINTS: Readonly<Record<TrafficRange, number>> = { hour: 7, day: 24, week: 28 }
const PAST_MINUTES = 7 * 1_440

const sideSchema = z.object({
  flows: z.number(),
  failed: z.number().describe('Failures that the side caused'),
  ours: z.number().describe('Failures that Handover caused: brake, circuit, gateway'),
})
const causesSchema = z.object({
  success: z.number(),
  failed: z.number(),
  client: z.number(),
  user: z.number(),
  ours: z.number(),
})

/** The latency of both sides; the counts of durations behind it are rounded up by at most a tenth. */
export const latencySchema = z.object({ rails: z.number().nullable(), iam: z.number().nullable() })

const trafficSchema = z.object({
  step_s: z.int().describe('The seconds that each point covers'),
  points: z
    .array(z.object({ at: z.string(), rails: sideSchema, iam: sideSchema }))

    .describe(
      'At most 300, oldest first: the flows that began in each step, each grant once, as soon as it is judged; of all ' +
        'applications except the twins of probes, or of the one that was asked for',
    ),
  latency: z
    .object({
      step_s: z.int(),
      p99_ms: latencySchema.describe('Of the whole range; null for a side without requests'),
      points: z.array(z.object({ at: z.string(), p99_ms: latencySchema })).describe('Oldest first'),
    })
    .nullable()
    .describe('How long requests took, from the gateway; null for one application'),
  marks: z
    .array(z.object({ at: z.string(), kind: z.enum(['flip', 'rollback', 'brake', 'decision']), sentence: z.string() }))
    .describe('What may explain the curve, oldest first'),
  by_kind: z
    .array(
      z.object({
        kind: z.enum(OUTCOME_KINDS),
        rails: causesSchema,
        iam: causesSchema,
        before_flip: causesSchema
          .nullable()
          .describe('On rails within the week before the application was last moved; null for one that never was'),
      }),
    )
    .describe('The same flows over the whole range, by kind and cause'),
})
/** The document of `GET /api/v1/traffic`. */
export type TrafficDocument = z.infer<typeof trafficSchema>

/** `GET /api/v1/traffic`: the flows of both sides over time, with what happened in between. */
export function trafficRoutes(api: Api, control: ControlContext): void {
  // Every open console asks for the same few charts.
  const documents = new Joined((key: TrafficKey) => trafficDocument(control, key), GAP_MS)
  api.get(
    '/api/v1/traffic',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['console'],
        summary: 'The flows of both sides within the last hour, day or week, and what happened in between',
        querystring: z.strictObject({
          environment: environmentField,
          range: z.enum(RANGES).default('hour'),
          oauth_application: wordField.optional().describe('The id or the client_id. Default: all applications'),
        }),
        response: { 200: trafficSchema },
      },
    },
    async (request, reply) => {
      const { environment, range, oauth_application: named } = request.query
      const application = named === undefined ? undefined : control.feed.cache.applicationNamed(named)
      if (named !== undefined && application === undefined) {
        const detail = `no application has the id or client_id ${JSON.stringify(named)}`
        return sendProblem(reply, 404, 'unknown_application', { detail })
      }
      return documents.get({ environment, range, applicationId: application?.id })
    },
  )
}

interface TrafficKey {
  readonly environment: Environment
  readonly range: TrafficRange
  readonly applicationId: number | undefined
}

async function trafficDocument(control: ControlContext, key: TrafficKey): Promise<TrafficDocument> {
  const span = spanOf(key.range, Date.now())
  const { applicationId } = key
  const of = applicationId === undefined ? { except: control.probing.twins.applicationIds() } : { applicationId }
  const counts = await trafficCounts(control.store, key.environment, span, of)
  const marks = await marksSince(control, key.environment, new Date(span.from * 60_000))
  const past = await pastOf(control, key)
  const none = { success: 0, failed: 0, client: 0, user: 0, ours: 0 }
  const present = flowsByKind([...counts, ...(past ?? []).map((count) => ({ ...count, count: 0 }))])
  const before = new Map(flowsByKind(past ?? []).map(({ kind, rails }) => [kind, rails]))
  const by_kind = present.map((flows) => ({
    ...flows,
    before_flip: past === undefined ? null : (before.get(flows.kind) ?? none),
  }))
  const latency = applicationId === undefined ? await latencyOf(control, key.environment, key.range) : null
  return { step_s: span.step * 60, points: pointsOf(counts, span), latency, marks, by_kind }
}

/** The latency of both sides within a range, as a whole and over time. */
export async function latencyOf(
  { store }: ControlContext,
  environment: Environment,
  range: TrafficRange,
): Promise<NonNullable<TrafficDocument['latency']>> {
  const span = slotsOf(spanOf(range, Date.now()), LATENCY_POINTS[range])
  const counts = await latencyCounts(store, environment, span)
  const steps = (span.until - span.from) / span.step
  const points = Array.from({ length: steps }, (_, step) => ({
    at: new Date((span.from + step * span.step) * SLOT_MINUTES * 60_000).toISOString(),
    p99_ms: p99Of(counts.filter((each) => each.step === step)),
  }))
  return { step_s: span.step * SLOT_MINUTES * 60, p99_ms: p99Of(counts), points }
}

/** The flows of an application in the week before it was last moved to IAM; undefined if it never was. */
async function pastOf(control: ControlContext, { environment, applicationId }: TrafficKey) {
  if (applicationId === undefined) return undefined
  const movedAt = await lastMove(control, environment, applicationId)
  if (movedAt === undefined) return undefined
  // In whole hours, which are kept longer than minutes; the hour of the move is left out.
  const until = Math.floor(movedAt / 3_600_000) * 60
  const span = { from: until - PAST_MINUTES, until, step: PAST_MINUTES }
  return trafficCounts(control.store, environment, span, { applicationId })
}

/** The changes of the routing flag, of the brake and of rollouts in an environment, oldest first. */
async function marksSince(
  { store, feed: { cache } }: ControlContext,
  environment: Environment,
  moment: Date,
): Promise<TrafficDocument['marks']> {
  const since = moment.toISOString().replace('Z', '000Z')
  const read = (filter: object) =>
    readEntries(store, { environment, since, ...filter }, { before: undefined }, MOST_MARKS)
  const [flips, brakes, decisions] = await Promise.all([
    read({ subject: ROUTING_FLAG }),
    read({ subject: BRAKE_SUBJECT }),
    read({ action: 'rollout.decision' }),
  ])
  return [...flips, ...brakes, ...decisions]
    .sort((a, b) => a.number - b.number)
    .filter(({ entry }) => entry.action !== 'change.refused')
    .map(({ entry }) => ({ at: entry.at, kind: kindOf(entry), sentence: entryInWords(entry, cache) }))
}

function kindOf({ action, before, after }: AuditEntry): TrafficDocument['marks'][number]['kind'] {
  if (action === 'rollout.decision') return 'decision'
  if (action.startsWith('brake.')) return 'brake'
  if (action === 'default.iam') return 'flip'
  return action === 'default.rails' || reachOf(after) < reachOf(before) ? 'rollback' : 'flip'
}

/** A number that grows with the applications that a state of the flag covers; the order is all that counts. */
function reachOf(state: unknown): number {
  const {
    boolean,
    percentage_of_actors: percentage = 0,
    actors = [],
    opted_out: out = [],
  } = (state ?? {}) as Partial<FlagState>
  return (boolean === true ? 1e12 : 0) + percentage * 1e6 + actors.length - out.length
}
