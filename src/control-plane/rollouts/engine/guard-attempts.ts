import { movedBy, type Rollout } from '../../../rollouts/index.ts'
import type { GuardPort } from './facts.ts'

/**
 * Tells the guards which applications a rollout has moved, or is about to move. What was told is kept in memory only: a
 * new leader tells everything again, which changes nothing for attempts that have begun.
 */
export class GuardAttempts {
  readonly #guards: Pick<GuardPort, 'begin' | 'end'>
  readonly #told = new Map<number, Map<number, string>>()

  constructor(guards: Pick<GuardPort, 'begin' | 'end'>) {
    this.#guards = guards
  }

  /** Begins and ends attempts as a rollout requires. */
  async follow(rollout: Rollout): Promise<void> {
    const { environment, flag, steps } = rollout.plan
    const wanted = new Map<number, string>()
    for (const id of [...movedBy(rollout), ...(rollout.pending?.outcome.applications ?? [])]) {
      wanted.set(id, reasonOf(rollout, id))
    }
    const told = this.#told.get(rollout.id) ?? new Map<number, string>()
    this.#told.set(rollout.id, told)
    for (const applicationId of [...told.keys()].filter((id) => !wanted.has(id))) {
      await this.#guards.end(environment, flag, applicationId)
      told.delete(applicationId)
    }
    const step = steps[Math.max(0, rollout.step - 1)]
    const passOnProbes = step?.passOnProbes ?? false
    const bound = step !== undefined && 'bound' in step.evidence ? { passBound: step.evidence.bound } : {}
    for (const [applicationId, reason] of wanted) {
      if (told.get(applicationId) === reason) continue
      await this.#guards.begin({ environment, flag, applicationId, reason, passOnProbes, ...bound })
      told.set(applicationId, reason)
    }
  }

  /** A rollout has ended; its applications stay watched. */
  drop(rollout: number): void {
    this.#told.delete(rollout)
  }

  /** Another replica leads, or this one begins to. */
  forget(): void {
    this.#told.clear()
  }
}

/** Only a person's retry begins a new attempt; everything else continues the one before. */
function reasonOf({ id, attempts, restarts }: Rollout, application: number): string {
  const retries = (attempts[application] ?? 1) - 1 + restarts
  return retries === 0 ? `rollout:${id}` : `retry:rollout-${id}-${retries}`
}
