import { TOGETHER_MS } from '../judge.ts'
import { SUSPECT_EVIDENCE } from '../levels.ts'
import type { FailingGuards } from '../statistics/failing-guard.ts'
import type { Counts } from '../statistics/passing-guard.ts'
import { BASELINE_OUTCOMES, toleratedRate } from '../statistics/tolerated-rate.ts'

/** The classes of causes that are watched in one scope. */
const CLASSES = 12

const LEAST_STARTS = 200
const MOST_INCOMPLETE = 0.5

interface Watched {
  slot: number | undefined
  /** Failures of this class, in this window and in those before without an alarm. */
  failures: number
  windowFailures: number
  suspectAt: number
}

interface Scope {
  windowAt: number
  /** Outcomes in this window and in those before without an alarm. */
  outcomes: number
  windowOutcomes: number
  readonly classes: Map<string, Watched>
}

/**
 * Watches legacy for failures, by scope (an application, a cohort, all) and class of cause, so that a fault of both sides
 * is not blamed on IAM. Each guard restarts every 10 minutes: an outage that is over is forgotten soon.
 */
export class LegacyWatch {
  readonly #guards: FailingGuards
  readonly #scopes = new Map<string, Scope>()

  constructor(guards: FailingGuards) {
    this.#guards = guards
  }

  /**
   * Takes one outcome on legacy into account; `cause` is the class of a failure, undefined for a success. Returns whether
   * legacy began to fail for this cause.
   */
  record(scope: string, cause: string | undefined, now: number): boolean {
    const wasFailing = cause !== undefined && this.isFailing(scope, cause, now)
    const watched = this.#scope(scope, now)
    watched.outcomes++
    watched.windowOutcomes++
    if (cause !== undefined && !watched.classes.has(cause) && watched.classes.size < CLASSES) {
      watched.classes.set(cause, {
        slot: undefined,
        failures: 0,
        windowFailures: 0,
        suspectAt: Number.NEGATIVE_INFINITY,
      })
    }
    for (const [name, one] of watched.classes) this.#count(watched, { name, one, isFailure: name === cause, now })
    return cause !== undefined && !wasFailing && this.isFailing(scope, cause, now)
  }

  /** Whether a guard stood at 20 or more within the last 10 minutes. */
  isFailing(scope: string, cause: string, now: number): boolean {
    const one = this.#scopes.get(scope)?.classes.get(cause)
    return one !== undefined && now - one.suspectAt <= TOGETHER_MS
  }

  /** Stops watching a scope. */
  forget(scope: string): void {
    for (const one of this.#scopes.get(scope)?.classes.values() ?? []) {
      if (one.slot !== undefined) this.#guards.close(one.slot)
    }
    this.#scopes.delete(scope)
  }

  #scope(name: string, now: number): Scope {
    const known = this.#scopes.get(name) ?? { windowAt: now, outcomes: 0, windowOutcomes: 0, classes: new Map() }
    this.#scopes.set(name, known)
    if (Math.abs(now - known.windowAt) >= TOGETHER_MS) this.#beginWindow(known, now)
    return known
  }

  #beginWindow(scope: Scope, now: number): void {
    // An outage does not become what is normal.
    const hadAlarm = [...scope.classes.values()].some((one) => one.suspectAt >= scope.windowAt)
    if (hadAlarm) scope.outcomes -= scope.windowOutcomes
    const share = Math.min(1, BASELINE_OUTCOMES / Math.max(1, scope.outcomes))
    scope.outcomes *= share
    for (const one of scope.classes.values()) {
      if (one.slot !== undefined) this.#guards.close(one.slot)
      one.slot = undefined
      if (hadAlarm) one.failures -= one.windowFailures
      one.failures *= share
      one.windowFailures = 0
    }
    scope.windowAt = now
    scope.windowOutcomes = 0
  }

  #count(scope: Scope, what: { name: string; one: Watched; isFailure: boolean; now: number }): void {
    const { name, one, isFailure, now } = what
    // A window's guard begins at its first failure: the successes before it hardly matter.
    if (one.slot === undefined && !isFailure) return
    if (one.slot === undefined) {
      const before: Counts = {
        outcomes: Math.max(0, scope.outcomes - scope.windowOutcomes),
        failures: one.failures,
      }
      one.slot = this.#guards.open(name === 'incomplete' ? incompleteRate(before) : toleratedRate(before))
    }
    if (isFailure) {
      one.failures++
      one.windowFailures++
    }
    this.#guards.record(one.slot, isFailure)
    if (this.#guards.evidence(one.slot) >= SUSPECT_EVIDENCE) one.suspectAt = now
  }
}

/** Many sign-ins stay incomplete everywhere; how many, only a history tells. */
function incompleteRate(before: Counts): number {
  return before.outcomes < LEAST_STARTS ? MOST_INCOMPLETE : toleratedRate(before, undefined, 'completion')
}
