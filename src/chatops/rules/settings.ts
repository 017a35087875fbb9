import type { Environment } from '../../flags/index.ts'

/** A time in which nothing goes on towards IAM; milliseconds since 1970, the end not included. */
export interface Freeze {
  readonly from: number
  readonly until: number
  readonly why: string
}

/** Hours of the week (UTC) in which nothing goes on; minutes since midnight. `until` at or before `from` is next day's. */
export interface WeeklyFreeze {
  /** 0 is Sunday. */
  readonly days: readonly number[]
  readonly from: number
  readonly until: number
  readonly why: string
}

/** What the production check holds gateways to. */
export interface CheckSettings {
  /** How long to wait for what may yet pass. */
  readonly waitMs: number
  readonly pollMs: number
  readonly minGateways: number
  readonly maxLagMs: number
  /** Share of answers with 5xx, in per cent, over which a side counts as ill. */
  readonly maxFailurePercent: number
}

/** The rules of changes by ChatOps. */
export interface RuleSettings {
  /** The only Slack channel that may change production; undefined for any. */
  readonly productionChannel: string | undefined
  /** Whether commands that come from no channel may change production where a channel is named. */
  readonly allowsProductionFromApi: boolean
  readonly productionCheck: CheckSettings
  readonly freezes: readonly Freeze[]
  readonly weeklyFreezes: readonly WeeklyFreeze[]
  /** Where a second person must approve. */
  readonly twoPerson: readonly Environment[]
  readonly proposalMs: number
  /** By how many points a percentage on production may rise at once; undefined for any. */
  readonly maxJumpPoints: number | undefined
  /** The time between two steps on production; undefined for none. */
  readonly minStepMs: number | undefined
}

/** The rules where nobody has set any. */
export const DEFAULT_RULES: RuleSettings = {
  productionChannel: undefined,
  allowsProductionFromApi: false,
  productionCheck: { waitMs: 300_000, pollMs: 2_000, minGateways: 1, maxLagMs: 10_000, maxFailurePercent: 20 },
  freezes: [],
  weeklyFreezes: [],
  twoPerson: [],
  proposalMs: 24 * 3_600_000,
  maxJumpPoints: undefined,
  minStepMs: undefined,
}
