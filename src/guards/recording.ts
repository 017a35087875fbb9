import { causeClass } from './cause-class.ts'
import type { FailingGuardState, FailingGuards } from './statistics/failing-guard.ts'
import type { Counts } from './statistics/passing-guard.ts'

/** For this long after its first try an outcome may still be revised by another try of its grant. */
const REVISABLE_MS = 30_000
/** Outcomes reach the guard late: gateways buffer them, and the control plane orders them. */
const LATE_MS = 30_000
/** The failures that are remembered one by one. */
const KEPT_FAILURES = 64
const SHOWN_REQUESTS = 5

/** One outcome, as a guard counts it. */
export interface CountedOutcome {
  readonly isFailure: boolean
  /** When the first try began, in milliseconds since the epoch. */
  readonly at: number
  /** Equal for all tries of one grant. */
  readonly grant: string
  readonly caller: string
  /** What went wrong, if it failed. */
  readonly error: string | undefined
  readonly requestId: string
}

interface Failure {
  readonly grant: string
  readonly caller: string
  readonly error: string
  readonly requestId: string
}

interface Entry {
  readonly grant: string
  readonly at: number
  /** The class of the cause of a failure; null for a success. */
  cause: string | null
}

/** A failure that did not count, because legacy failed for the same cause. */
export interface Excuse {
  readonly cause: string
  readonly at: number
}

interface Base extends FailingGuardState {
  readonly failures: number
}

/** The last outcomes since a failure that may still be revised, and the state before them. */
interface Revisable {
  base: Base
  readonly entries: Entry[]
}

/** What is stored of a recording. */
export interface RecordingState {
  readonly guard: FailingGuardState
  readonly failures: number
  /** The evidence with which the attempt failed; null while it has not. */
  readonly failedWith: number | null
  readonly excuse: Excuse | null
  readonly recent: readonly Failure[]
  readonly callers: readonly string[]
  readonly revisable: { readonly base: Base; readonly entries: readonly Entry[] } | null
}

/** What a recording says at present. */
export interface Recorded extends Counts {
  readonly evidence: number
  readonly hasFailed: boolean
  readonly excuse: Excuse | undefined
  readonly toleratedRate: number
  readonly cause: string | undefined
  readonly requestIds: readonly string[]
  readonly grants: number
  readonly callers: number
  readonly knownCallers: number
}

/**
 * One guard of one attempt and what it has counted. A failure counts at once. If another try of its grant succeeds within
 * 30 s, the outcomes since then are replayed with a success in its place. Once the evidence has reached the threshold, the
 * attempt has failed: neither later successes nor a revision change that.
 */
export class Recording {
  readonly #guards: FailingGuards
  readonly #slot: number
  readonly #threshold: number
  #failures = 0
  #failedWith: number | undefined
  #failedAt = Number.NEGATIVE_INFINITY
  #excuse: Excuse | undefined
  #revisable: Revisable | undefined
  #recent: Map<string, Failure> | undefined
  #caller: string | undefined
  #otherCaller: string | undefined

  constructor(guards: FailingGuards, toleratedRate: number, threshold: number) {
    this.#guards = guards
    this.#threshold = threshold
    this.#slot = guards.open(toleratedRate)
  }

  /** Counts one outcome. */
  record(outcome: CountedOutcome, now: number): void {
    this.#settle(now)
    const { isFailure, grant, at, caller } = outcome
    if (isFailure && this.#revisable === undefined) this.#revisable = { base: this.#base(), entries: [] }
    this.#revisable?.entries.push({ grant, at, cause: causeOf(outcome) })
    this.#caller ??= caller
    if (this.#caller !== caller) this.#otherCaller ??= caller
    if (isFailure) this.#remember(outcome)
    this.#count(isFailure)
    this.#latch(now)
  }

  /**
   * Takes back the failures of a class of causes that may still be revised: legacy fails for the same cause. An attempt
   * that failed because of them has not failed.
   */
  excuse(cause: string, now: number): void {
    this.#settle(now)
    const revisable = this.#revisable
    if (revisable === undefined) return
    const kept = revisable.entries.filter((entry) => entry.cause !== cause)
    if (kept.length === revisable.entries.length) return
    for (const entry of revisable.entries) if (entry.cause === cause) this.#recent?.delete(entry.grant)
    revisable.entries.splice(0, revisable.entries.length, ...kept)
    if (now - this.#failedAt <= REVISABLE_MS + LATE_MS) this.#failedWith = undefined
    this.#replay(now)
    this.#excuse = { cause, at: now }
  }

  /** Notes a failure that does not count, because legacy fails for the same cause. */
  skip(cause: string, now: number): void {
    this.#excuse = { cause, at: now }
  }

  /**
   * Replaces the outcome of a grant that was counted before. A failure of a grant that is not among the revisable ones is
   * counted: its earlier tries had a cause that no guard counts. Returns whether anything changed.
   */
  revise(outcome: CountedOutcome, now: number): boolean {
    const entry = this.#revisable?.entries.find(({ grant }) => grant === outcome.grant)
    if (entry === undefined || this.#revisable === undefined) {
      if (!outcome.isFailure || now - outcome.at > REVISABLE_MS + LATE_MS) return false
      this.record(outcome, now)
      return true
    }
    if (outcome.isFailure) this.#remember(outcome)
    else this.#recent?.delete(outcome.grant)
    const before = entry.cause
    entry.cause = causeOf(outcome)
    if ((before === null) === (entry.cause === null)) return false
    this.#replay(now)
    return true
  }

  /** What the guard says now. After a failure of the attempt the evidence does not fall below that of the failure. */
  read(): Recorded {
    const present = this.#guards.evidence(this.#slot)
    const recent = [...(this.#recent?.values() ?? [])]
    return {
      evidence: Math.max(present, this.#failedWith ?? 0),
      hasFailed: this.#failedWith !== undefined,
      excuse: this.#excuse,
      toleratedRate: this.#guards.toleratedRate(this.#slot),
      outcomes: this.#guards.outcomes(this.#slot),
      failures: this.#failures,
      cause: mostFrequent(recent.map(({ error }) => error)),
      requestIds: recent.slice(-SHOWN_REQUESTS).map(({ requestId }) => requestId),
      grants: recent.length,
      callers: new Set(recent.map(({ caller }) => caller)).size,
      knownCallers: this.#knownCallers().length,
    }
  }

  /** The present evidence, without the rest of the reading. */
  get evidence(): number {
    return Math.max(this.#guards.evidence(this.#slot), this.#failedWith ?? 0)
  }

  /** The state to store. */
  save(): RecordingState {
    return {
      guard: this.#guards.save(this.#slot),
      failures: this.#failures,
      failedWith: this.#failedWith ?? null,
      excuse: this.#excuse ?? null,
      recent: [...(this.#recent?.values() ?? [])],
      callers: this.#knownCallers(),
      revisable: this.#revisable ?? null,
    }
  }

  /** Continues from a stored state. */
  load(state: RecordingState): void {
    this.#guards.load(this.#slot, state.guard)
    this.#failures = state.failures
    this.#failedWith = state.failedWith ?? undefined
    this.#excuse = state.excuse ?? undefined
    this.#recent = new Map(state.recent.map((failure) => [failure.grant, failure]))
    ;[this.#caller, this.#otherCaller] = state.callers
    this.#revisable =
      state.revisable === null
        ? undefined
        : { base: state.revisable.base, entries: state.revisable.entries.map((entry) => ({ ...entry })) }
  }

  /** Frees the guard; the recording is not used again. */
  close(): void {
    this.#guards.close(this.#slot)
  }

  #knownCallers(): string[] {
    return [this.#caller, this.#otherCaller].filter((caller) => caller !== undefined)
  }

  #base(): Base {
    return { ...this.#guards.save(this.#slot), failures: this.#failures }
  }

  #count(isFailure: boolean): void {
    this.#guards.record(this.#slot, isFailure)
    if (isFailure) this.#failures++
  }

  #latch(now: number): void {
    const evidence = this.#guards.evidence(this.#slot)
    if (this.#failedWith !== undefined || evidence < this.#threshold) return
    this.#failedWith = evidence
    this.#failedAt = now
  }

  #replay(now: number): void {
    if (this.#revisable === undefined) return
    const { base, entries } = this.#revisable
    this.#guards.load(this.#slot, base)
    this.#failures = base.failures
    for (const { cause } of entries) this.#count(cause !== null)
    this.#latch(now)
  }

  #remember({ grant, caller, error, requestId }: CountedOutcome): void {
    this.#recent ??= new Map()
    this.#recent.delete(grant)
    this.#recent.set(grant, { grant, caller, error: error ?? 'unknown', requestId })
    if (this.#recent.size > KEPT_FAILURES) {
      const [oldest] = this.#recent.keys()
      this.#recent.delete(oldest as string)
    }
  }

  /** Moves the base behind the outcomes that can no longer be revised. */
  #settle(now: number): void {
    const revisable = this.#revisable
    if (revisable === undefined) return
    const settled = revisable.entries.findIndex(({ at }) => now - at <= REVISABLE_MS + LATE_MS)
    if (settled === 0) return
    const rest = settled < 0 ? [] : revisable.entries.slice(settled)
    if (rest.every(({ cause }) => cause === null)) {
      this.#revisable = undefined
      return
    }
    const gone = revisable.entries.splice(0, settled)
    const scratch = this.#guards.open(revisable.base.toleratedRate)
    this.#guards.load(scratch, revisable.base)
    for (const { cause } of gone) this.#guards.record(scratch, cause !== null)
    const failures = revisable.base.failures + gone.filter(({ cause }) => cause !== null).length
    revisable.base = { ...this.#guards.save(scratch), failures }
    this.#guards.close(scratch)
  }
}

function causeOf({ isFailure, error }: CountedOutcome): string | null {
  return isFailure ? causeClass(error ?? 'unknown') : null
}

/** The most frequent word; of equally frequent ones, the first. */
function mostFrequent(words: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  let most: string | undefined
  for (const [word, count] of counts) if (most === undefined || count > (counts.get(most) ?? 0)) most = word
  return most
}
