/** What a guard judges; `query:<name>` is a query that a plan names. */
export type GuardName =
  | 'failures'
  | 'completion'
  | 'latency'
  | 'shape'
  | 'probes'
  | 'cohort'
  | 'global'
  | `query:${string}`

/** The guards that each moved application has of its own. */
export type ApplicationGuard = 'failures' | 'completion' | 'latency' | 'shape' | 'probes'

/** No data is never a pass and never a failure: it is `not_enough_evidence`. */
export type GuardVerdict = 'pass' | 'fail' | 'not_enough_evidence'

/** How strong the evidence against an application is: from 20 on, from 100 on, and from its threshold on. */
export type GuardLevel = 'quiet' | 'suspect' | 'hold' | 'act'

/** What one guard of one application says at present. */
export interface GuardReading {
  readonly applicationId: number
  readonly guard: GuardName
  readonly verdict: GuardVerdict
  /** The value of the failing guard's test supermartingale: 1 at the start, finite. */
  readonly evidence: number
  /** The evidence at which the verdict is `fail`. */
  readonly threshold: number
  readonly outcomes: number
  readonly failures: number
  readonly toleratedRate: number
  /** The smallest failure rate that the outcomes rule out with 95 % confidence; undefined while there is none. */
  readonly bound: number | undefined
  readonly level: GuardLevel
  /** The most frequent error among the failures, such as `invalid_client`. */
  readonly cause: string | undefined
  /** Correlation ids of failures, at most five. */
  readonly requestIds: readonly string[]
  /** Distinct grants among the failures. */
  readonly grants: number
  /** Distinct callers among the failures. */
  readonly callers: number
  /** Distinct callers among all outcomes that the guard has counted: 0, 1, or 2 for several. */
  readonly knownCallers: number
  /** Counts from 1. */
  readonly attempt: number
  /** The verdict with its numbers, for people. */
  readonly sentence: string
}

/** What the present evidence asks for. The rules are tried in the order of this list, and the first that applies wins. */
export type GuardJudgement =
  /** Legacy fails too, or the evidence is not yet enough to act: no application is moved, in either direction. */
  | { readonly do: 'hold'; readonly sentence: string }
  /** Several applications fail together: the fault is not one application's. */
  | {
      readonly do: 'step_back'
      readonly scope: 'cohort' | 'step'
      readonly applications: readonly number[]
      readonly sentence: string
    }
  /** Single applications fail; the others go on. */
  | { readonly do: 'exclude'; readonly readings: readonly GuardReading[] }
  | { readonly do: 'continue' }
