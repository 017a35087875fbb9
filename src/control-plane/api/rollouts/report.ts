import { createHash } from 'node:crypto'
import { z } from 'zod'
import {
  type Chart,
  PAGE_STYLE,
  pageAsHtml,
  pageAsMarkdown,
  type RolloutEvent,
  reportOf,
} from '../../../rollouts/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { pointsOf } from '../../explain/traffic.ts'
import { type TrafficSpan, trafficCounts } from '../../outcomes/traffic-counts.ts'
import { sendProblem } from '../../requests/problems.ts'
import type { StoredRollout } from '../../rollouts/store/rollout-store.ts'
import { documentOf } from './rollouts.ts'

/** This many of the oldest events are shown, and this many of the newest. */
const MOST_AT_EACH_END = 2_500
const MOST_POINTS = 300
const MINUTE_MS = 60_000
/** Steps of charts in minutes. Minutes are kept for two days, hours longer. */
const STEPS = [1, 2, 5, 15, 60, 180, 360, 1_440, 10_080]
const KEPT_MINUTES = 2 * 1_440 - 60
/** A little before the start, so that a chart shows what the traffic was like. */
const LEAD_MINUTES = 15
const MARKED: ReadonlySet<RolloutEvent['kind']> = new Set([
  'step',
  'step_back',
  'excluded',
  'retried',
  'aborted',
  'completed',
  'brake',
])

const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'; frame-ancestors 'none'`

/** `GET /api/v1/rollouts/:id/report`: a rollout as one file without scripts, charts included. */
export function rolloutReportRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/rollouts/:id/report',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['rollouts'],
        summary: 'The report of a rollout: one HTML file without scripts, charts included, or Markdown',
        params: z.object({ id: z.coerce.number().pipe(z.int().positive().max(2_147_483_647)) }),
        querystring: z.strictObject({ format: z.enum(['html', 'markdown']).default('html') }),
        response: { 200: z.string() },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const rollout = await control.rollouts.read(id)
      if (rollout === undefined) return sendProblem(reply, 404, 'not_found', { detail: 'there is no such rollout' })
      const events = await eventsAtBothEnds(control, id)
      const page = reportOf(documentOf(rollout), events, await chartsOf(control, rollout, events))
      const isHtml = request.query.format === 'html'
      return reply
        .type(isHtml ? 'text/html; charset=utf-8' : 'text/markdown; charset=utf-8')
        .headers({
          'Content-Security-Policy': POLICY,
          'X-Content-Type-Options': 'nosniff',
          'Cache-Control': 'no-store',
        })
        .header('Content-Disposition', `inline; filename="handover-rollout-${id}.${isHtml ? 'html' : 'md'}"`)
        .serializer((text: unknown) => String(text))
        .send(isHtml ? pageAsHtml(page, `Rollout ${rollout.plan.name}`) : pageAsMarkdown(page))
    },
  )
}

/** The events of a rollout, oldest first, without those in the middle of a very long one. */
async function eventsAtBothEnds({ rollouts }: ControlContext, id: number): Promise<RolloutEvent[]> {
  const oldest = await rollouts.events(id, { limit: MOST_AT_EACH_END })
  if (oldest.length < MOST_AT_EACH_END) return oldest
  const after = oldest.at(-1)?.number
  const newest = await rollouts.events(id, { after, order: 'newest', limit: MOST_AT_EACH_END })
  return [...oldest, ...newest.toReversed()]
}

/** The traffic of the environment while the rollout ran; none before its start. */
async function chartsOf(
  { store, probing }: ControlContext,
  { plan }: StoredRollout,
  events: readonly RolloutEvent[],
): Promise<Chart[]> {
  const started = events.find(({ kind }) => kind === 'started')
  if (started === undefined) return []
  const ended = events.findLast(({ kind }) => kind === 'completed' || kind === 'aborted')
  const span = spanBetween(Date.parse(started.at), ended === undefined ? Date.now() : Date.parse(ended.at), Date.now())
  const points = pointsOf(
    await trafficCounts(store, plan.environment, span, { except: probing.twins.applicationIds() }),
    span,
  )
  const marks = events
    .filter(({ kind }) => MARKED.has(kind))
    .map(({ at, sentence }) => ({ at: Date.parse(at), text: sentence }))
  const frame = { unit: 'flows a minute', from: span.from * MINUTE_MS, stepMs: span.step * MINUTE_MS, marks }
  const series = (field: 'flows' | 'failed') =>
    (['rails', 'iam'] as const).map((name) => ({ name, values: points.map((point) => point[name][field] / span.step) }))
  return [
    { title: 'Flows by side', series: series('flows'), ...frame },
    { title: 'Failed flows by side', series: series('failed'), ...frame },
  ]
}

/** A span of at most 300 steps that covers two moments; steps of whole hours where minutes are no longer kept. */
function spanBetween(begin: number, end: number, now: number): TrafficSpan {
  const from = Math.floor(begin / MINUTE_MS) - LEAD_MINUTES
  const until = Math.ceil(end / MINUTE_MS) + 1
  const isOld = now / MINUTE_MS - from > KEPT_MINUTES
  const step = STEPS.find((minutes) => (until - from) / minutes < MOST_POINTS && (!isOld || minutes >= 60)) ?? 10_080
  return { from: Math.floor(from / step) * step, until: Math.ceil(until / step) * step, step }
}
