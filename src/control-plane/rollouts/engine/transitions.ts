import { type FlagState, OFF } from '../../../flags/index.ts'
import {
  type Course,
  type Decision,
  exclusionChanges,
  gatesToRestore,
  type PendingWrite,
  type Rollout,
  type RolloutEventKind,
  stateOf,
} from '../../../rollouts/index.ts'

/** What a decision makes of a rollout: its course, with the change of the flag that is to follow, and its event. */
export interface Transition {
  readonly course: Course
  readonly kind: RolloutEventKind
  /** The counted time to write; undefined leaves it. */
  readonly elapsedMs?: number
}

/** A decision that changes something. */
export type ActiveDecision = Exclude<Decision, { readonly do: 'none' | 'wait' }>

/** What a decision makes of a rollout. Pure; `at` is ISO 8601, `flag` the flag as the decision found it. */
export function transitionOf(
  rollout: Rollout,
  decision: ActiveDecision,
  at: string,
  flag: FlagState | null,
): Transition {
  const { id, plan, version, ...course } = rollout
  const isActing = plan.mode === 'act'
  const write = (
    change: PendingWrite['change'],
    outcome: PendingWrite['outcome'],
    isProtective: boolean,
  ): PendingWrite => ({
    ifVersion: rollout.flagVersion,
    ...{ change, isProtective, outcome, by: undefined, reason: decision.sentence },
    decision: `rollout-${id}-${version + 1}`,
  })
  const stays = { state: rollout.state, step: rollout.step, restartsClock: false }
  switch (decision.do) {
    case 'advance': {
      const { step, next } = decision
      const outcome = {
        state: 'running',
        step: step.number,
        applications: next.applications,
        restartsClock: true,
      } as const
      const pending = write({ set: next.changes }, outcome, false)
      if (isActing) return { course: { ...course, pending }, kind: 'step' }
      return { course: afterWrite(rollout, pending, rollout.flagVersion, flag), kind: 'step', elapsedMs: 0 }
    }
    case 'advise':
      return { course: { ...course, state: 'waiting', advised: decision.step.number }, kind: 'advice' }
    case 'exclude': {
      const excluded = [...course.excluded, ...decision.exclusions.map((each) => ({ ...each, at }))]
      const changes = exclusionChanges(decision.exclusions.map(({ application_id }) => application_id))
      const pending = isActing ? write({ set: changes }, stays, true) : undefined
      return { course: { ...course, excluded, pending }, kind: 'excluded' }
    }
    case 'step_back': {
      const hold = { kind: 'failure', sentence: decision.sentence } as const
      const held: Course = { ...course, state: 'held', hold }
      if (!isActing) return { course: held, kind: 'step_back' }
      if (decision.usesBrake) {
        const pending = write({ brake: decision.sentence }, { ...stays, state: 'held' }, true)
        return { course: { ...held, pending }, kind: 'step_back' }
      }
      const restore = gatesToRestore(rollout.reached[decision.toStep]?.gates ?? null, rollout.excluded, OFF)
      const pending = write({ restore }, { state: 'held', step: decision.toStep, restartsClock: true }, false)
      return { course: { ...held, pending }, kind: 'step_back' }
    }
    case 'hold': {
      const { hold, switchesOff } = decision
      const off = { state: 'held', step: 0, restartsClock: true } as const
      const pending = switchesOff && isActing ? write({ set: [{ set: false }] }, off, false) : undefined
      const kind = hold.kind === 'flag' ? 'flag_changed_by_hand' : hold.kind === 'pipeline' ? 'pipeline' : 'held'
      return { course: { ...course, state: 'held', hold, pending }, kind }
    }
    case 'release':
      return { course: { ...course, state: stateOf(rollout), hold: undefined }, kind: 'resumed' }
    case 'pause':
      return { course: { ...course, state: 'paused', pausedBy: 'the brake' }, kind: 'paused' }
    case 'soak':
      return { course: { ...course, state: 'soaking', isSoaking: true, elapsedMs: 0 }, kind: 'soaking', elapsedMs: 0 }
    case 'complete':
      return { course: { ...course, state: 'completed', hold: undefined }, kind: 'completed' }
  }
}

/** The course once a pending write has been carried out; `after` is the flag then. */
export function afterWrite(
  rollout: Rollout,
  { outcome }: PendingWrite,
  flagVersion: number,
  after: FlagState | null,
): Course {
  const { id: _id, plan: _plan, version: _version, ...course } = rollout
  const { state, step, applications, restartsClock } = outcome
  const kept = rollout.reached.slice(0, step + 1)
  const reached =
    applications === undefined
      ? kept.map((each, at) => (at === step && step > 0 ? { ...each, gates: after } : each))
      : [...rollout.reached.slice(0, step), { gates: after, applications }]
  const isElsewhere = step !== rollout.step
  return {
    ...course,
    // A person's action or a hold may have come in between.
    state: isElsewhere || state !== rollout.state ? state : rollout.state,
    ...{ step, reached, flagVersion, pending: undefined },
    furthestStep: Math.max(step, rollout.step, rollout.furthestStep ?? 0),
    waiver: isElsewhere ? undefined : course.waiver,
    approvals: step < rollout.step ? course.approvals.filter((each) => each.step <= step) : course.approvals,
    advised: isElsewhere ? 0 : course.advised,
    isSoaking: isElsewhere ? false : course.isSoaking,
    elapsedMs: restartsClock ? 0 : course.elapsedMs,
  }
}
