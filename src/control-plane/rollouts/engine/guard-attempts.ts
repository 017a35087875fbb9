import { movedBy, type PlanStep, type Rollout } from '../../../rollouts/index.ts'
import { ATTEMPTS_AT_ONCE, type AttemptRequest } from '../guards/guards.ts'
import type { GuardPort } from './facts.ts'

/**
 * Reports to the guards which applications a rollout has moved, or is about to move. What was reported is kept in memory only: a
 * new leader reports everything again, which changes nothing for attempts that have begun.
 */
export class GuardAttempts {
  readonly #guards: Pick<GuardPort, 'begin' | 'end'>
  readonly #reported = new Map<number, Map<number, string>>()

  constructor(guards: Pick<GuardPort, 'begin' | 'end'>) {
    this.#guards = guards
  }

  /** Begins and ends attempts as a rollout requires. */
  async follow(rollout: Rollout): Promise<void> {
    const { environment, flag } = rollout.plan
    const wanted = new Map<number, string>()
    for (const id of [...movedBy(rollout), ...(rollout.pending?.outcome.applications ?? [])]) {
      wanted.set(id, reasonOf(rollout, id))
    }
    const stepOf = stepsOf(rollout)
    const reported = this.#reported.get(rollout.id) ?? new Map<number, string>()
    this.#reported.set(rollout.id, reported)
    const gone = [...reported.keys()].filter((id) => !wanted.has(id))
    for (const ids of inPieces(gone)) {
      await this.#guards.end(environment, flag, ...ids)
      for (const id of ids) reported.delete(id)
    }
    const attempts = [...wanted]
      .filter(([applicationId, reason]) => reported.get(applicationId) !== reason)
      .map(([applicationId, reason]): AttemptRequest => {
        const step = stepOf(applicationId)
        const passOnProbes = step?.passOnProbes ?? false
        const bound = step !== undefined && 'bound' in step.evidence ? { passBound: step.evidence.bound } : {}
        return { environment, flag, applicationId, reason, passOnProbes, ...bound }
      })
    for (const piece of inPieces(attempts)) {
      await this.#guards.begin(...piece)
      for (const { applicationId, reason } of piece) reported.set(applicationId, reason)
    }
  }

  /** A rollout has ended; its applications stay watched. */
  drop(rollout: number): void {
    this.#reported.delete(rollout)
  }

  /** Another replica leads, or this one begins to. */
  forget(): void {
    this.#reported.clear()
  }
}

function inPieces<T>(all: readonly T[]): T[][] {
  const pieces = Math.ceil(all.length / ATTEMPTS_AT_ONCE)
  return Array.from({ length: pieces }, (_, piece) =>
    all.slice(piece * ATTEMPTS_AT_ONCE, (piece + 1) * ATTEMPTS_AT_ONCE),
  )
}

/** The step that moved each application, or is about to: what it requires holds for the application. */
function stepsOf({ plan, reached, pending }: Rollout): (application: number) => PlanStep | undefined {
  const steps = new Map<number, PlanStep | undefined>()
  const { applications: moving = [], step: next = 0 } = pending?.outcome ?? {}
  for (const id of moving) steps.set(id, plan.steps[next - 1])
  reached.forEach(({ applications }, number) => {
    for (const id of applications) steps.set(id, plan.steps[number - 1])
  })
  return (application) => steps.get(application)
}

/** Only a person's retry begins a new attempt; everything else continues the one before. */
function reasonOf({ id, attempts, restarts }: Rollout, application: number): string {
  const retries = (attempts[application] ?? 1) - 1 + restarts
  return retries === 0 ? `rollout:${id}` : `retry:rollout-${id}-${retries}`
}
