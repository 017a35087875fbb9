import { FingerprintTable } from './fingerprint-table.ts'
import type { FlowOutcome } from './flow-outcome.ts'
import { OUTCOME_KINDS, type OutcomeCause, type OutcomeKind, type OutcomeSide } from './vocabulary.ts'

/** Tries of one grant within this time of the first are one outcome. */
export const TRIES_MS = 30_000
/** How long a failed grant is remembered after its last try, so that a client that repeats it for hours counts once. */
const REPEATED_MS = 3_600_000
const MOST_FAILURES = 50_000

/** The worse cause of two failed tries counts. */
const SEVERITY: Readonly<Record<OutcomeCause, number>> = { success: 0, user: 1, client: 2, ours: 3, server: 4 }

interface FailedGrant {
  readonly firstAt: number
  lastAt: number
  outcome: FlowOutcome
}

/** What a try changes: a new outcome, a different one than was counted before, or nothing. */
export type GrantChange =
  | { readonly kind: 'counted'; readonly outcome: FlowOutcome }
  | { readonly kind: 'revised'; readonly outcome: FlowOutcome; readonly previous: FlowOutcome }

/**
 * Groups the tries of each grant of one environment into one outcome: a success if any try within 30 s of the first
 * succeeded, else the worst. After that time, a further failure of a failed grant is not counted, and a success is an
 * outcome of its own. Memory is bounded.
 */
export class GrantOutcomes {
  readonly #successes: FingerprintTable
  readonly #failures = new Map<string, FailedGrant>()

  /** @param capacity maximum number of recent successes that are remembered */
  constructor(capacity: number) {
    this.#successes = new FingerprintTable(capacity)
  }

  /** Takes one try, as the outcome that it would be alone. */
  take(outcome: FlowOutcome): GrantChange | undefined {
    const key = keyOf(outcome)
    const failed = this.#failures.get(key)
    if (failed === undefined) return this.#takeFirst(key, outcome)
    const isTry = Math.abs(outcome.at - failed.firstAt) <= TRIES_MS
    failed.lastAt = Math.max(failed.lastAt, outcome.at)
    if (outcome.cause === 'success') {
      if (!isTry && !isReusable(outcome)) return undefined
      this.#failures.delete(key)
      this.#succeeded(outcome, isTry ? failed.firstAt : outcome.at)
      if (!isTry) return { kind: 'counted', outcome }
      const recovered = { ...outcome, at: failed.firstAt, isRecovered: true }
      return { kind: 'revised', outcome: recovered, previous: failed.outcome }
    }
    if (!isTry || SEVERITY[outcome.cause] <= SEVERITY[failed.outcome.cause]) return undefined
    const previous = failed.outcome
    failed.outcome = { ...outcome, at: failed.firstAt }
    return { kind: 'revised', outcome: failed.outcome, previous }
  }

  /** Forgets failed grants that were not tried again for an hour; call it every few seconds. */
  forget(now: number): void {
    for (const [key, { lastAt, outcome }] of this.#failures) {
      const kept = isReusable(outcome) ? REPEATED_MS : 60_000 + TRIES_MS
      if (now - lastAt > kept) this.#failures.delete(key)
    }
  }

  #takeFirst(key: string, outcome: FlowOutcome): GrantChange | undefined {
    const recent = this.#successes.get(outcome.grant, variantOf(outcome))
    if (recent !== undefined && (!isReusable(outcome) || isWithinTries(outcome.at, recent.until))) return undefined
    if (outcome.cause === 'success') this.#succeeded(outcome, outcome.at)
    else this.#failed(key, outcome)
    return { kind: 'counted', outcome }
  }

  #failed(key: string, outcome: FlowOutcome): void {
    if (this.#failures.size >= MOST_FAILURES) {
      const oldest = this.#failures.keys().next()
      if (oldest.done !== true) this.#failures.delete(oldest.value)
    }
    this.#failures.set(key, { firstAt: outcome.at, lastAt: outcome.at, outcome })
  }

  #succeeded(outcome: FlowOutcome, firstAt: number): void {
    this.#successes.set(outcome.grant, variantOf(outcome), (firstAt + TRIES_MS) / 1_000, [1, outcome.applicationId])
  }
}

/** Credentials of a client or a user are no grant that a flow uses up: each minute of their use is one outcome. */
export function isCountedByMinute(kind: OutcomeKind): boolean {
  return kind === 'client_credentials' || kind === 'password'
}

function isReusable({ kind }: FlowOutcome): boolean {
  return !isCountedByMinute(kind)
}

/** @param until the second at which the tries of a recent success end */
function isWithinTries(at: number, until: number): boolean {
  return Math.abs(at + TRIES_MS - until * 1_000) <= TRIES_MS
}

function keyOf({ applicationId, side, kind, grant }: FlowOutcome): string {
  return `${applicationId} ${side} ${kind} ${grant}`
}

function variantOf({ applicationId, side, kind }: FlowOutcome): number {
  return applicationId * 32 + sideNumber(side) * 16 + OUTCOME_KINDS.indexOf(kind)
}

function sideNumber(side: OutcomeSide): number {
  return side === 'iam' ? 1 : 0
}
