import type { FlagChange, FlagState } from '../flags/index.ts'
import type { Plan, PlanStep } from './plan/plan.ts'

/** The states of a rollout. */
export const ROLLOUT_STATES = [
  'draft',
  'waiting',
  'running',
  'held',
  'paused',
  'soaking',
  'completed',
  'aborted',
] as const
export type RolloutState = (typeof ROLLOUT_STATES)[number]

/** The states in which a rollout occupies its flag in its environment. */
export const ACTIVE_STATES: readonly RolloutState[] = ['waiting', 'running', 'held', 'paused', 'soaking']

/** An application that was taken out of a rollout. */
export interface Exclusion {
  readonly application_id: number
  /** The guard that failed; `person` or `problem` when none did. */
  readonly guard: string
  /** The most frequent error, such as `invalid_client`. */
  readonly cause: string | null
  readonly sentence: string
  /** ISO 8601. */
  readonly at: string
}

/** A step that was reached: the flag as it is then, and the applications that it moved. The first one is the beginning. */
export interface ReachedStep {
  readonly gates: FlagState | null
  readonly applications: readonly number[]
}

/** Why a rollout is held. Only a hold by the guards ends by itself. */
export interface Hold {
  readonly kind: 'guards' | 'failure' | 'flag' | 'exclusions' | 'pipeline' | 'drill'
  readonly sentence: string
}

/** A change of the flag that is decided and not yet carried out. */
export interface PendingWrite {
  /** The version that the flag must still have; 0 for a flag that is not set. */
  readonly ifVersion: number
  readonly change:
    | { readonly set: readonly FlagChange[] }
    | { readonly restore: FlagState | null }
    /** Sets the brake of the environment, and leaves the flag alone. */
    | { readonly brake: string }
  /** It takes applications back: when someone changed the flag in the meantime, it is made on top of that. */
  readonly isProtective: boolean
  /** The name of the decision, which the flag's history shows as correlation id. */
  readonly decision: string
  /** Who asked for it; undefined when the engine decided. */
  readonly by: PendingAuthor | undefined
  readonly reason: string
  /** What becomes of the rollout with it. */
  readonly outcome: {
    readonly state: RolloutState
    readonly step: number
    /** For a step forward: the applications that it moves. */
    readonly applications?: readonly number[]
    /** Whether the time in the step begins again. */
    readonly restartsClock: boolean
  }
}

/** A person whose action changes the flag. */
export interface PendingAuthor {
  readonly by: string
  readonly role: string
  readonly channel: string
  readonly from: string | null
}

/** A rollout with everything that a decision depends on. */
export interface Rollout {
  readonly id: number
  readonly plan: Plan
  readonly state: RolloutState
  /** Changes with each decision and action; actions name it. */
  readonly version: number
  /** The step in force; 0 before the first. */
  readonly step: number
  /** All steps are done, and the soak is counted. */
  readonly isSoaking: boolean
  /** The monotonic time counted in this step, or in the soak, in milliseconds. */
  readonly elapsedMs: number
  /** By step; index 0 is the beginning. Empty before the start. */
  readonly reached: readonly ReachedStep[]
  /** The flag's version after the rollout's last write; any other one is someone else's. */
  readonly flagVersion: number
  readonly excluded: readonly Exclusion[]
  readonly approvals: ReadonlyArray<{ readonly step: number; readonly by: string; readonly at: string }>
  /** The person who watches, and for how much longer by monotonic time. */
  readonly watch: { readonly by: string; readonly leftMs: number } | undefined
  /** A person has asked for the step after this one without waiting for evidence. */
  readonly waiver: { readonly step: number; readonly by: string } | undefined
  readonly hold: Hold | undefined
  readonly pausedBy: string | undefined
  /** How often people resumed after a general failure; each one begins new attempts. */
  readonly restarts: number
  /** The step that a rollout in mode advise has advised last. */
  readonly advised: number
  /** How many attempts each application has had; 1 when absent. */
  readonly attempts: Readonly<Record<string, number>>
  readonly pending: PendingWrite | undefined
  readonly startedBy: string | undefined
  readonly startReason: string | undefined
  readonly changeIssueUrl: string | undefined
  /** Failed pipelines up to this effect are known to the people who resumed the rollout. */
  readonly pipelinesSeen: number
  /** Guard drills up to this one are known to the people who resumed the rollout. Absent in older rollouts: none. */
  readonly drillsSeen?: number
  /** The last step that was ever in force, also after going back. Absent in older rollouts. */
  readonly furthestStep?: number
  /** Rules of ChatOps that the person who started it has overridden. */
  readonly overrides: readonly string[]
}

/** The parts of a rollout that decisions and actions change. */
export type Course = Omit<Rollout, 'id' | 'plan' | 'version'>

/** A rollout that was created and not started. */
export const DRAFT: Course = {
  ...{
    state: 'draft',
    step: 0,
    isSoaking: false,
    elapsedMs: 0,
    reached: [],
    flagVersion: 0,
    excluded: [],
    approvals: [],
  },
  ...{
    watch: undefined,
    waiver: undefined,
    hold: undefined,
    pausedBy: undefined,
    restarts: 0,
    advised: 0,
    attempts: {},
    pending: undefined,
  },
  ...{ startedBy: undefined, startReason: undefined, changeIssueUrl: undefined, pipelinesSeen: 0, overrides: [] },
}

/**
 * One entry of a rollout's timeline: the single source for notifications, reports and pages. `by` is a person, or the
 * engine; `evidence` is what it rests on, without credentials.
 */
export interface RolloutEvent {
  readonly rolloutId: number
  /** From 1 in each rollout. */
  readonly number: number
  /** ISO 8601, by the database's clock. */
  readonly at: string
  readonly by: string
  readonly kind: RolloutEventKind
  readonly sentence: string
  readonly evidence: unknown
}

/** The kinds of event. Their meaning never changes; new ones may be added. */
export const ROLLOUT_EVENT_KINDS = [
  'created',
  'started',
  'step',
  'waiting',
  'held',
  'excluded',
  'retried',
  'step_back',
  'paused',
  'resumed',
  'next',
  'approved',
  'acknowledged',
  'watch_ended',
  'advice',
  'soaking',
  'completed',
  'aborted',
  'problem',
  'pipeline',
  'flag_changed_by_hand',
  'drill',
  'checklist',
  'brake',
] as const
export type RolloutEventKind = (typeof ROLLOUT_EVENT_KINDS)[number]

/** The step in force; undefined before the first. */
export function currentStep({ plan, step }: Pick<Rollout, 'plan' | 'step'>): PlanStep | undefined {
  return plan.steps[step - 1]
}

/** The step after the one in force; undefined after the last. */
export function nextStep({ plan, step }: Pick<Rollout, 'plan' | 'step'>): PlanStep | undefined {
  return plan.steps[step]
}

/** The applications that the rollout has moved and that are still moved, in ascending order. */
export function movedBy({ reached, step, excluded }: Pick<Rollout, 'reached' | 'step' | 'excluded'>): number[] {
  const out = new Set(excluded.map(({ application_id }) => application_id))
  const moved = new Set(reached.slice(1, step + 1).flatMap(({ applications }) => applications))
  return [...moved].filter((id) => !out.has(id)).sort((a, b) => a - b)
}
