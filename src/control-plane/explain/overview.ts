import { ACTIVE_STATES, movesInWords, type ProblemFact } from '../../rollouts/index.ts'
import type { GatewayRecord } from '../gateways/gateway-record.ts'
import type { StoredRollout } from '../rollouts/store/rollout-store.ts'
import type { ApplicationCounts, Attention, Severity } from './status.ts'
import { type TrafficPoint, totalsOf } from './traffic.ts'

/** The minutes over which the present rate of flows is averaged; the minute in progress is left out. */
const RATE_MINUTES = 5
/** How long an application that was taken back is listed. */
const RECENT_MS = 24 * 3_600_000
/** The maximum number of reasons for which a rollout took applications back that are listed one by one. */
const MOST_REASONS = 3

/** An application in words, such as `88 "Jenkins"`. */
type NameOf = (applicationId: number) => string

/** Something that needs a person, and since when, if that is known (ISO 8601). */
export interface Need extends Attention {
  readonly at: string | null
}

/** How the traffic of the last hour divides between the sides. */
export interface TrafficSummary {
  readonly share_on_iam: number
  readonly flows_per_minute: { readonly rails: number; readonly iam: number }
}

/** The state of the migration in one sentence. */
export function stateSentence({ all, on_iam }: ApplicationCounts, traffic: TrafficSummary | null): string {
  if (all === 0) return 'No application is registered yet.'
  const moved = `${numberOf(on_iam)} of ${numberOf(all)} ${all === 1 ? 'application runs' : 'applications run'} on iam`
  return traffic === null ? `${moved}.` : `${moved}: ${percentOf(traffic.share_on_iam)} of the traffic.`
}

/** How many things need a person, in one sentence. */
export function attentionSentence(needs: readonly Need[]): string {
  const words = ['Nothing needs', 'One thing needs', 'Two things need', 'Three things need', 'Four things need']
  return `${words[needs.length] ?? `${needs.length} things need`} you.`
}

/** The traffic of the last hour by minute; null if there was none. */
export function trafficSummary(points: readonly TrafficPoint[]): TrafficSummary | null {
  const { rails, iam } = totalsOf(points)
  if (rails.flows + iam.flows === 0) return null
  const recent = totalsOf(points, points.length - 1 - RATE_MINUTES, points.length - 1)
  return {
    share_on_iam: iam.flows / (rails.flows + iam.flows),
    flows_per_minute: { rails: recent.rails.flows / RATE_MINUTES, iam: recent.iam.flows / RATE_MINUTES },
  }
}

/** What rollouts and reported problems need of a person. */
export function rolloutNeeds(
  rollouts: readonly StoredRollout[],
  problems: readonly ProblemFact[],
  { now, nameOf }: { readonly now: number; readonly nameOf: NameOf },
): Need[] {
  return [
    ...rollouts.flatMap((rollout) => [...excludedNeeds(rollout, now, nameOf), ...waitingNeeds(rollout)]),
    ...problems.map(({ applicationId, reason, reportedBy }): Need => {
      const sentence = `${reportedBy} reported a problem with application ${nameOf(applicationId)}: ${reason}`
      return { kind: 'problem', severity: 'waiting', sentence, path: `applications/${applicationId}`, at: null }
    }),
  ]
}

/** One line for each application that was taken back on its own, and one for all that were taken back for one reason. */
function excludedNeeds({ excluded, id, plan }: StoredRollout, now: number, nameOf: NameOf): Need[] {
  const recent = excluded.filter(({ at }) => now - Date.parse(at) < RECENT_MS)
  const reasons = [...Map.groupBy(recent, ({ sentence }) => sentence)].slice(-MOST_REASONS)
  const needs = reasons.map(([reason, [first, ...others]]): Need => {
    const isAlone = first !== undefined && others.length === 0
    const who = isAlone ? `Application ${nameOf(first.application_id)} was` : `${others.length + 1} applications were`
    const path = isAlone ? `applications/${first.application_id}` : `rollouts/${id}`
    const at = [first, ...others].at(-1)?.at ?? null
    return {
      kind: 'application',
      severity: 'broken',
      sentence: `${who} taken back: ${reason.replace(/^Failed: /, '')}`,
      path,
      at,
    }
  })
  const listed = reasons.reduce((sum, [, members]) => sum + members.length, 0)
  if (listed === recent.length) return needs
  const sentence = `Rollout "${plan.name}" took back ${recent.length - listed} more within a day`
  return [...needs, { kind: 'rollout', severity: 'broken', sentence, path: `rollouts/${id}`, at: null }]
}

function waitingNeeds({ id, plan, state, hold, pausedBy, forecast, changedAt }: StoredRollout): Need[] {
  const of = (severity: Severity, what: string): Need[] => {
    const sentence = `Rollout "${plan.name}": ${what}`
    return [{ kind: 'rollout', severity, sentence, path: `rollouts/${id}`, at: changedAt.toISOString() }]
  }
  if (hold !== undefined) return of(hold.kind === 'guards' ? 'broken' : 'waiting', hold.sentence)
  if (state === 'paused') return of('notice', `paused by ${pausedBy ?? 'someone'}; a person must resume it`)
  const waits = forecast.waiting_for ?? []
  return state === 'waiting' && waits.length > 0 ? of('waiting', waits.join('; ')) : []
}

/** A rollout that moves applications now. */
export interface Moving {
  readonly id: number
  readonly name: string
  readonly state: StoredRollout['state']
  /** What the step in force moved, in words; null before the first. */
  readonly step: string | null
  /** What the next step moves, in words; null after the last. */
  readonly next_step: string | null
  readonly earliest_next_at: string | null
  readonly waiting_for: readonly string[]
}

/** What moves now, and what comes next. */
export function movingOf(rollouts: readonly StoredRollout[]): Moving[] {
  return rollouts
    .filter(({ state }) => ACTIVE_STATES.includes(state))
    .map(({ id, plan, state, step, hold, forecast }) => {
      const [current, next] = [plan.steps[step - 1], plan.steps[step]]
      const isMoving = hold === undefined && state !== 'paused'
      return {
        ...{ id, name: plan.name, state },
        step: current === undefined ? null : movesInWords(current.moves),
        next_step: next === undefined ? null : movesInWords(next.moves),
        earliest_next_at: isMoving ? (forecast.earliest_next_at ?? null) : null,
        waiting_for: hold === undefined ? [...(forecast.waiting_for ?? [])] : [hold.sentence],
      }
    })
}

/** How many of an environment's connected gateways hold the newest version, and how far the slowest is behind. */
export function gatewaySummary(gateways: readonly GatewayRecord[], version: number) {
  const connected = gateways.filter(({ isConnected }) => isConnected)
  return {
    all: connected.length,
    current: connected.filter(({ behindMs }) => behindMs === 0).length,
    version,
    lag_ms: connected.reduce<number | null>(
      (most, { behindMs }) => (behindMs === null ? most : Math.max(most ?? 0, behindMs)),
      null,
    ),
  }
}

function numberOf(count: number): string {
  return count.toLocaleString('en-US')
}

function percentOf(share: number): string {
  const percent = share * 100
  // Rounded, they would read as none or all.
  if (percent > 0 && percent < 0.1) return 'under 0.1 %'
  if (percent > 99.9 && percent < 100) return 'over 99.9 %'
  const isExtreme = percent > 0 && (percent < 1 || (percent > 99 && percent < 100))
  return `${isExtreme ? percent.toFixed(1) : Math.round(percent)} %`
}
