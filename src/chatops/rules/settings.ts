import type { Environment } from '../../flags/index.ts'

/** A period without moves towards IAM; milliseconds since 1970, the end is exclusive. */
export interface Freeze {
  readonly from: number
  readonly until: number
  readonly why: string
}

/** A weekly freeze (UTC), in minutes since midnight. An `until` at or before `from` is on the next day. */
export interface WeeklyFreeze {
  /** 0 is Sunday. */
  readonly days: readonly number[]
  readonly from: number
  readonly until: number
  readonly why: string
}

/** The thresholds of the production check. */
export interface CheckSettings {
  /** How long to wait for temporary obstacles to clear. */
  readonly waitMs: number
  readonly pollMs: number
  readonly minGateways: number
  readonly maxLagMs: number
  /** Percentage of 5xx responses above which a side counts as unhealthy. */
  readonly maxFailurePercent: number
}

/** The rules for changes through ChatOps. */
export interface RuleSettings {
  /** The only Slack channel that may change production; undefined for any. */
  readonly productionChannel: string | undefined
  /** Whether commands from outside Slack may change production although a channel is configured. */
  readonly allowsProductionFromApi: boolean
  readonly productionCheck: CheckSettings
  readonly freezes: readonly Freeze[]
  readonly weeklyFreezes: readonly WeeklyFreeze[]
  /** Where a second person must approve. */
  readonly twoPerson: readonly Environment[]
  readonly proposalMs: number
  /** Maximum increase of a percentage on production in one step; undefined for no limit. */
  readonly maxStepPoints: number | undefined
  /** Minimum time between two steps on production; undefined for none. */
  readonly minStepMs: number | undefined
}

/** The default rules. */
export const DEFAULT_RULES: RuleSettings = {
  productionChannel: undefined,
  allowsProductionFromApi: false,
  productionCheck: { waitMs: 300_000, pollMs: 2_000, minGateways: 1, maxLagMs: 10_000, maxFailurePercent: 20 },
  freezes: [],
  weeklyFreezes: [],
  twoPerson: [],
  proposalMs: 24 * 3_600_000,
  maxStepPoints: undefined,
  minStepMs: undefined,
}
