import {
  OUTCOME_KINDS,
  OUTCOME_SIDES,
  type OutcomeCause,
  type OutcomeKind,
  type OutcomeSide,
} from '../../outcomes/index.ts'
import type { TrafficCount, TrafficSpan } from '../outcomes/traffic-counts.ts'

/** The ranges of a chart of traffic, each with at most 300 points. Minutes are kept for two days, hours longer. */
export const TRAFFIC_RANGES = {
  hour: { minutes: 60, step: 1 },
  day: { minutes: 1_440, step: 5 },
  week: { minutes: 7 * 1_440, step: 60 },
} as const
export type TrafficRange = keyof typeof TRAFFIC_RANGES

/** The flows of one side in one step. */
export interface SideFlows {
  flows: number
  /** Those that the side caused to fail. */
  failed: number
  /** Those that Handover itself kept from succeeding: brake, circuit, gateway. */
  ours: number
}

/** The flows of both sides in one step. */
export interface TrafficPoint extends Record<OutcomeSide, SideFlows> {
  /** The beginning of the step, ISO 8601. */
  readonly at: string
}

/** Flows of one kind on one side, by cause; `failed` are those that the side caused to fail. */
export interface CauseFlows {
  success: number
  failed: number
  client: number
  user: number
  ours: number
}

/** Flows of one kind, by side and cause. */
export interface KindFlows extends Record<OutcomeSide, CauseFlows> {
  readonly kind: OutcomeKind
}

/** The span of a range that ends with the minute of `now`, in milliseconds since the epoch. */
export function spanOf(range: TrafficRange, now: number): TrafficSpan {
  const { minutes, step } = TRAFFIC_RANGES[range]
  const until = (Math.floor(now / 60_000 / step) + 1) * step
  return { from: until - minutes, until, step }
}

/** Every step of a span, also those without flows. */
export function pointsOf(counts: readonly TrafficCount[], { from, until, step }: TrafficSpan): TrafficPoint[] {
  const none = (): SideFlows => ({ flows: 0, failed: 0, ours: 0 })
  const points = Array.from({ length: (until - from) / step }, (_, slot): TrafficPoint => {
    return { at: new Date((from + slot * step) * 60_000).toISOString(), rails: none(), iam: none() }
  })
  for (const { slot, side, cause, count } of counts) {
    const flows = points[slot]?.[side]
    if (flows === undefined) continue
    flows.flows += count
    if (cause === 'server') flows.failed += count
    if (cause === 'ours') flows.ours += count
  }
  return points
}

const FIELD_OF_CAUSE: Readonly<Record<OutcomeCause, keyof CauseFlows>> = {
  success: 'success',
  server: 'failed',
  client: 'client',
  user: 'user',
  ours: 'ours',
}

/** The flows by kind, side and cause; a kind without flows is absent. */
export function flowsByKind(counts: readonly TrafficCount[]): KindFlows[] {
  const none = (): CauseFlows => ({ success: 0, failed: 0, client: 0, user: 0, ours: 0 })
  const kinds = new Map<OutcomeKind, KindFlows>()
  for (const { kind, side, cause, count } of counts) {
    const flows = kinds.get(kind) ?? { kind, rails: none(), iam: none() }
    flows[side][FIELD_OF_CAUSE[cause]] += count
    kinds.set(kind, flows)
  }
  return OUTCOME_KINDS.flatMap((kind) => kinds.get(kind) ?? [])
}

/** The flows of both sides within the steps from `first` up to `end`, which is excluded. */
export function totalsOf(
  points: readonly TrafficPoint[],
  first = 0,
  end = points.length,
): Record<OutcomeSide, SideFlows> {
  const totals = { rails: { flows: 0, failed: 0, ours: 0 }, iam: { flows: 0, failed: 0, ours: 0 } }
  for (const point of points.slice(first, end)) {
    for (const side of OUTCOME_SIDES) {
      totals[side].flows += point[side].flows
      totals[side].failed += point[side].failed
      totals[side].ours += point[side].ours
    }
  }
  return totals
}
