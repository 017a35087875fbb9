import { OUTCOME_KINDS, type OutcomeKind } from '../../outcomes/index.ts'
import type { Counts } from '../statistics/passing-guard.ts'
import { BASELINE_OUTCOMES } from '../statistics/tolerated-rate.ts'
import { LATENCY_BUCKETS, latencyBucket, latencyLimit, slowOnLegacy } from './latency-histogram.ts'
import { countIn, MOST_COUNTED, SmallCounters } from './small-counters.ts'

const DAY_MS = 86_400_000
const DAYS = 28
/** Per day: outcomes, failures, starts, incomplete starts. */
const PER_DAY = 4
/** The shapes that are remembered of one kind of flow; an application with more is not judged by shape. */
const SHAPES = 12
const SHAPES_AT = LATENCY_BUCKETS
const TOO_MANY_AT = SHAPES_AT + 2 * SHAPES
/** Different shapes of all applications; a fixed number, because a response's shape is the server's choice. */
const KNOWN_SHAPES = 10_000
/** With fewer answers on legacy, too many of its shapes are still unknown. */
const LEAST_FOR_SHAPE = 50
const LEAST_FOR_LATENCY = 20

/** What an application did on legacy, as it is fixed when an attempt begins. */
export interface Baseline {
  readonly failures: Counts
  readonly completion: Counts
  /** How many answers of legacy are slow by the limits, and the limit of each kind in milliseconds. */
  readonly latency: Counts & { readonly limits: Partial<Record<OutcomeKind, number>> }
  /** How many answers of legacy had a shape that was seen only once, and the shapes seen of each kind. */
  readonly shape: Counts & { readonly known: Partial<Record<OutcomeKind, readonly string[]>> }
  readonly hasSeveralCallers: boolean
}

/** The learned counts of an application, as they are stored. */
export interface LearnedCounts {
  /** Per day: its number since the epoch, outcomes, failures, starts, incomplete starts. */
  readonly days: ReadonlyArray<readonly [number, number, number, number, number]>
  readonly kinds: Partial<Record<OutcomeKind, { durations: Record<string, number>; shapes: Record<string, number> }>>
  readonly isVaried: readonly OutcomeKind[]
  readonly callers: readonly string[]
}

interface Learned {
  readonly days: number
  /** The newest day with a count. */
  newest: number
  /** The row of each kind of flow that was seen, by its place in `OUTCOME_KINDS`. */
  readonly kinds: Array<number | undefined>
  caller: string
  otherCaller: string | undefined
}

/** An answer of legacy. */
export interface LegacyAnswer {
  readonly applicationId: number
  readonly kind: OutcomeKind
  readonly isFailure: boolean
  readonly at: number
  readonly durationMs: number
  readonly caller: string
  readonly shape: string | undefined
}

/**
 * What applications do on legacy: failure and completion counts of the last 28 days, the distribution of durations, and
 * the shapes of answers. Takes about 400 bytes for an application with one kind of flow.
 */
export class LegacyBaselines {
  readonly #learned = new Map<number, Learned>()
  readonly #days = new SmallCounters(DAYS * PER_DAY)
  readonly #kinds = new SmallCounters(TOO_MANY_AT + 1)
  readonly #shapes = new Map<string, number>()
  readonly #shapeNames: string[] = ['']

  /** The applications of which anything is known. */
  get applicationIds(): Iterable<number> {
    return this.#learned.keys()
  }

  /** Takes a success or a failure of the server into account. */
  learn({ applicationId, kind, isFailure, at, durationMs, caller, shape }: LegacyAnswer): void {
    const learned = this.#of(applicationId, caller)
    this.#countDay(learned, at, isFailure ? [0, 1] : [0])
    if (isFailure) return
    const row = this.#kind(learned, kind)
    countIn(row, latencyBucket(durationMs), 0, LATENCY_BUCKETS)
    if (shape !== undefined) this.#learnShape(row, shape)
  }

  /** Takes a judged start into account. */
  learnStart(start: { applicationId: number; isComplete: boolean; at: number; caller: string }): void {
    this.#countDay(this.#of(start.applicationId, start.caller), start.at, start.isComplete ? [2] : [2, 3])
  }

  /** Takes back a failure: another try of its grant succeeded. */
  recovered(applicationId: number, at: number): void {
    const learned = this.#learned.get(applicationId)
    const day = Math.trunc(at / DAY_MS)
    if (learned === undefined || day > learned.newest || day <= learned.newest - DAYS) return
    const row = this.#days.row(learned.days)
    const failures = (day % DAYS) * PER_DAY + 1
    if (row[failures] !== 0) row[failures] = (row[failures] as number) - 1
  }

  /** Whether an answer of legacy was slow by what legacy usually takes. */
  isSlow(applicationId: number, kind: OutcomeKind, durationMs: number): boolean {
    const number = this.#learned.get(applicationId)?.kinds[OUTCOME_KINDS.indexOf(kind)]
    if (number === undefined) return false
    const histogram = this.#kinds.row(number).subarray(0, LATENCY_BUCKETS)
    const limit = latencyLimit(histogram)
    return limit !== undefined && durationMs > limit && slowOnLegacy(histogram, limit).outcomes >= LEAST_FOR_LATENCY
  }

  /** The failure counts of an application: its last 1,000 outcomes, at most 28 days old. */
  counts(applicationId: number, now: number): Counts {
    return this.#lastCounts(applicationId, now, 0)
  }

  /** The baseline of an attempt that begins now. */
  baseline(applicationId: number, now: number): Baseline {
    const learned = this.#learned.get(applicationId)
    const latency = { outcomes: 0, failures: 0, limits: {} as Partial<Record<OutcomeKind, number>> }
    const shape = { outcomes: 0, failures: 0, known: {} as Partial<Record<OutcomeKind, readonly string[]>> }
    for (const [kind, number] of rowsOf(learned)) {
      const row = this.#kinds.row(number)
      const limit = latencyLimit(row.subarray(0, LATENCY_BUCKETS))
      const slow = limit === undefined ? undefined : slowOnLegacy(row.subarray(0, LATENCY_BUCKETS), limit)
      if (limit !== undefined && slow !== undefined && slow.outcomes >= LEAST_FOR_LATENCY) {
        latency.limits[kind] = Math.round(limit)
        latency.outcomes += slow.outcomes
        latency.failures += slow.failures
      }
      const seen = this.#seenShapes(row)
      const answers = seen.reduce((sum, [, count]) => sum + count, 0)
      if (answers < LEAST_FOR_SHAPE || row[TOO_MANY_AT] !== 0) continue
      shape.known[kind] = seen.map(([name]) => name)
      shape.outcomes += answers
      // The share of answers with a shape seen once estimates how many have one never seen (Good 1953).
      shape.failures += seen.filter(([, count]) => count === 1).length
    }
    return {
      failures: this.#lastCounts(applicationId, now, 0),
      completion: this.#lastCounts(applicationId, now, 2),
      latency,
      shape,
      hasSeveralCallers: learned?.otherCaller !== undefined,
    }
  }

  /** The learned counts of an application, to be stored; undefined when nothing is known. */
  save(applicationId: number): LearnedCounts | undefined {
    const learned = this.#learned.get(applicationId)
    if (learned === undefined) return undefined
    const days: Array<[number, number, number, number, number]> = []
    const row = this.#days.row(learned.days)
    for (let day = learned.newest - DAYS + 1; day <= learned.newest; day++) {
      const at = (((day % DAYS) + DAYS) % DAYS) * PER_DAY
      const [outcomes = 0, failures = 0, starts = 0, incomplete = 0] = row.subarray(at, at + PER_DAY)
      if (outcomes + starts > 0) days.push([day, outcomes, failures, starts, incomplete])
    }
    const kinds: LearnedCounts['kinds'] = {}
    const isVaried: OutcomeKind[] = []
    for (const [kind, number] of rowsOf(learned)) {
      const counts = this.#kinds.row(number)
      const durations: Record<string, number> = {}
      for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
        if (counts[bucket] !== 0) durations[bucket] = counts[bucket] as number
      }
      kinds[kind] = { durations, shapes: Object.fromEntries(this.#seenShapes(counts)) }
      if (counts[TOO_MANY_AT] !== 0) isVaried.push(kind)
    }
    const callers = [learned.caller, ...(learned.otherCaller === undefined ? [] : [learned.otherCaller])]
    return { days, kinds, isVaried, callers }
  }

  /** Continues with the stored counts of an application of which nothing is known yet. */
  load(applicationId: number, { days, kinds, isVaried, callers }: LearnedCounts): void {
    const learned = this.#of(applicationId, callers[0] ?? '')
    learned.otherCaller = callers[1]
    learned.newest = Math.max(learned.newest, ...days.map(([day]) => day))
    for (const [day, ...counts] of days) {
      this.#days.row(learned.days).set(counts, (day % DAYS) * PER_DAY)
    }
    for (const [kind, stored] of Object.entries(kinds)) {
      const row = this.#kind(learned, kind as OutcomeKind)
      for (const [bucket, count] of Object.entries(stored.durations)) row[Number(bucket)] = count
      let at = SHAPES_AT
      for (const [name, count] of Object.entries(stored.shapes).slice(0, SHAPES)) {
        row[at++] = this.#shapeNumber(name) ?? 0
        row[at++] = count
      }
      if (isVaried.includes(kind as OutcomeKind)) row[TOO_MANY_AT] = 1
    }
  }

  /** Forgets an application that no longer exists. */
  forget(applicationId: number): void {
    this.#learned.delete(applicationId)
  }

  #of(applicationId: number, caller: string): Learned {
    const known = this.#learned.get(applicationId)
    if (known !== undefined) {
      if (known.otherCaller === undefined && known.caller !== caller) known.otherCaller = caller
      return known
    }
    const kinds = OUTCOME_KINDS.map(() => undefined)
    const learned = { days: this.#days.add(), newest: 0, kinds, caller, otherCaller: undefined }
    this.#learned.set(applicationId, learned)
    return learned
  }

  #kind(learned: Learned, kind: OutcomeKind): Uint16Array {
    const at = OUTCOME_KINDS.indexOf(kind)
    const number = learned.kinds[at] ?? this.#kinds.add()
    learned.kinds[at] = number
    return this.#kinds.row(number)
  }

  #countDay(learned: Learned, at: number, counters: readonly number[]): void {
    const day = Math.trunc(at / DAY_MS)
    if (day <= learned.newest - DAYS) return
    const row = this.#days.row(learned.days)
    // The days in between, and the one that falls out, begin with nothing.
    for (let next = Math.max(learned.newest, day - DAYS) + 1; next <= day; next++) {
      row.fill(0, (next % DAYS) * PER_DAY, (next % DAYS) * PER_DAY + PER_DAY)
    }
    learned.newest = Math.max(learned.newest, day)
    const from = (day % DAYS) * PER_DAY
    for (const counter of counters) countIn(row, from + counter, from, from + PER_DAY)
  }

  #lastCounts(applicationId: number, now: number, first: 0 | 2): Counts {
    const learned = this.#learned.get(applicationId)
    if (learned === undefined) return { outcomes: 0, failures: 0 }
    const row = this.#days.row(learned.days)
    const today = Math.trunc(now / DAY_MS)
    let outcomes = 0
    let failures = 0
    for (let day = learned.newest; day > Math.max(learned.newest, today) - DAYS && day >= 0; day--) {
      const at = (day % DAYS) * PER_DAY + first
      const of = row[at] ?? 0
      const failed = row[at + 1] ?? 0
      const taken = Math.min(of, BASELINE_OUTCOMES - outcomes)
      outcomes += taken
      // Of a day that counts in part, its failures count in proportion, rounded up.
      failures += of === 0 ? 0 : Math.ceil((failed * taken) / of)
      if (outcomes === BASELINE_OUTCOMES) break
    }
    return { outcomes, failures }
  }

  #learnShape(row: Uint16Array, shape: string): void {
    const number = this.#shapeNumber(shape)
    if (number === undefined) {
      row[TOO_MANY_AT] = 1
      return
    }
    for (let at = SHAPES_AT; at < TOO_MANY_AT; at += 2) {
      if (row[at] === 0) row[at] = number
      if (row[at] !== number) continue
      if (row[at + 1] !== MOST_COUNTED) row[at + 1] = (row[at + 1] as number) + 1
      return
    }
    row[TOO_MANY_AT] = 1
  }

  #seenShapes(row: Uint16Array): Array<[string, number]> {
    const seen: Array<[string, number]> = []
    for (let at = SHAPES_AT; at < TOO_MANY_AT && row[at] !== 0; at += 2) {
      seen.push([this.#shapeNames[row[at] as number] ?? '', row[at + 1] as number])
    }
    return seen
  }

  #shapeNumber(shape: string): number | undefined {
    const known = this.#shapes.get(shape)
    if (known !== undefined) return known
    if (this.#shapeNames.length >= KNOWN_SHAPES) return undefined
    this.#shapes.set(shape, this.#shapeNames.length)
    return this.#shapeNames.push(shape) - 1
  }
}

/** The kinds of flow that were seen of an application, each with its row. */
function rowsOf(learned: Learned | undefined): Array<readonly [OutcomeKind, number]> {
  return OUTCOME_KINDS.flatMap((kind, at) => {
    const row = learned?.kinds[at]
    return row === undefined ? [] : [[kind, row] as const]
  })
}
