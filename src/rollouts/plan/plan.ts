import type { Environment } from '../../flags/index.ts'

/** The guards that Handover has itself; a plan may add guards on PromQL queries. */
export const BUILT_IN_GUARDS = ['failures', 'completion', 'latency', 'shape', 'probes'] as const
export type BuiltInGuard = (typeof BUILT_IN_GUARDS)[number]

/** What a step must show before the next one: at 95 %, at most this failure rate; or a number of outcomes. */
export type RequiredEvidence = { readonly bound: number } | { readonly outcomes: number }

/** What a step moves. */
export type StepMoves =
  /** Numeric ids, or client ids as text. */
  | { readonly kind: 'applications'; readonly applications: ReadonlyArray<number | string> }
  /** The application of each cohort that has the least traffic. */
  | { readonly kind: 'sample' }
  /** The gate percentage of actors; 100 turns the flag on for all. */
  | { readonly kind: 'percentage'; readonly percentage: number }

/** One step of a plan, with what it inherits from the plan. */
export interface PlanStep {
  /** From 1. */
  readonly number: number
  readonly moves: StepMoves
  readonly dwellMs: number
  readonly evidence: RequiredEvidence
  /** Whether probes may carry the evidence for an application all of whose flows run on credentials of legacy. */
  readonly passOnProbes: boolean
  /** Whether a person must approve the step first. */
  readonly needsApproval: boolean
  /** Milliseconds since 1970. */
  readonly notBefore: number | undefined
}

/** A guard on a PromQL query. It fails while the query's single value is outside its limits. */
export interface QueryGuard {
  readonly name: string
  readonly query: string
  readonly atMost: number | undefined
  readonly atLeast: number | undefined
}

/** An item that a step, or the end, waits for: one of the checklist by its name, or any text, which a person ticks. */
export interface ChecklistItem {
  readonly item: string
  /** The number of the step that waits for it; one more than there are steps for the end. */
  readonly beforeStep: number
}

/** Who is notified of waits and final states: another Slack channel, and others besides the configured receivers. */
export interface PlanNotify {
  readonly responsible: string | undefined
  readonly slack: string | undefined
  readonly email: readonly string[]
  readonly webhook: string | undefined
}

/** A valid plan; durations are in milliseconds. */
export interface Plan {
  readonly name: string
  readonly flag: string
  readonly environment: Environment
  readonly steps: readonly PlanStep[]
  /** The flows that may fail before the guards act; undefined for no limit. */
  readonly budgetFlows: number | undefined
  /** The largest number of excluded applications with which the rollout continues: a share of all that it moves. */
  readonly excludeAtMost: { readonly percent: number } | { readonly count: number }
  readonly soakMs: number
  readonly mode: 'act' | 'advise'
  /** Whether a step waits until a named person watches. `unattended` needs a reason at the start. */
  readonly watch: 'acknowledge' | 'unattended' | 'none'
  readonly guards: readonly BuiltInGuard[]
  readonly queries: readonly QueryGuard[]
  /** Failures of several applications for one cause within this time are one fault. */
  readonly commonFaultMs: number
  /**
   * Whether steps wait for a guard drill even where none can run. Undefined: on production they do, unless test controls
   * are on.
   */
  readonly guardDrill: 'required' | 'where_possible' | undefined
  readonly onGlobalFailure: 'step_back' | 'brake'
  /** Whether a failed end-to-end pipeline holds the rollout, or only appears in its timeline. */
  readonly pipeline: 'required' | 'advisory'
  readonly notBefore: number | undefined
  readonly changeIssueUrl: string | undefined
  readonly rolloutIssueUrl: string | undefined
  readonly milestone: string | undefined
  readonly checklist: readonly ChecklistItem[]
  readonly notify: PlanNotify
  /** Durations below the minimum, which only test controls permit, in words. */
  readonly shortened: readonly string[]
}
