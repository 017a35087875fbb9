import { movedBy, type Rollout } from '../../../rollouts/index.ts'
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
    const { environment, flag, steps } = rollout.plan
    const wanted = new Map<number, string>()
    for (const id of [...movedBy(rollout), ...(rollout.pending?.outcome.applications ?? [])]) {
      wanted.set(id, reasonOf(rollout, id))
    }
    const reported = this.#reported.get(rollout.id) ?? new Map<number, string>()
    this.#reported.set(rollout.id, reported)
    for (const applicationId of [...reported.keys()].filter((id) => !wanted.has(id))) {
      await this.#guards.end(environment, flag, applicationId)
      reported.delete(applicationId)
    }
    const step = steps[Math.max(0, rollout.step - 1)]
    const passOnProbes = step?.passOnProbes ?? false
    const bound = step !== undefined && 'bound' in step.evidence ? { passBound: step.evidence.bound } : {}
    for (const [applicationId, reason] of wanted) {
      if (reported.get(applicationId) === reason) continue
      await this.#guards.begin({ environment, flag, applicationId, reason, passOnProbes, ...bound })
      reported.set(applicationId, reason)
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

/** Only a person's retry begins a new attempt; everything else continues the one before. */
function reasonOf({ id, attempts, restarts }: Rollout, application: number): string {
  const retries = (attempts[application] ?? 1) - 1 + restarts
  return retries === 0 ? `rollout:${id}` : `retry:rollout-${id}-${retries}`
}
