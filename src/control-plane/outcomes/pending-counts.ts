import { PendingLatencies } from './latency-counts.ts'
import { MOST_SORTS, type OutcomeSort, sortOf } from './outcome-tables.ts'

const MINUTE_MS = 60_000

/** Changes of counts, as columns. */
export interface CountColumns {
  readonly environments: readonly string[]
  readonly minutes: readonly number[]
  readonly applicationIds: readonly number[]
  readonly sorts: readonly number[]
  readonly counts: readonly number[]
}

/** The counts of one minute: by application and sort, as one number. */
type MinuteCounts = Map<number, number>

/**
 * Changes of counts that are not stored yet, summed up by minute, application, side, kind and cause; and the durations
 * of requests.
 */
export class PendingCounts {
  /** By environment and minute. */
  readonly #environments = new Map<string, Map<number, MinuteCounts>>()
  readonly latencies = new PendingLatencies()
  #size = 0

  get size(): number {
    return this.#size + this.latencies.size
  }

  /** Adds one outcome, or takes one back with `change` -1; `at` in milliseconds since the epoch. */
  add(environment: string, outcome: OutcomeSort & { applicationId: number; at: number }, change: 1 | -1): void {
    const counts = this.#minute(environment, Math.floor(outcome.at / MINUTE_MS))
    this.#add(counts, outcome.applicationId * MOST_SORTS + sortOf(outcome), change)
  }

  /** Adds what could not be stored. */
  putBack(others: PendingCounts): void {
    this.latencies.putBack(others.latencies)
    for (const [environment, minutes] of others.#environments) {
      for (const [minute, counts] of minutes) {
        const own = this.#minute(environment, minute)
        for (const [key, count] of counts) this.#add(own, key, count)
      }
    }
  }

  /** Everything that is not zero. */
  columns(): CountColumns {
    const columns = {
      ...{ environments: [] as string[], minutes: [] as number[], applicationIds: [] as number[] },
      ...{ sorts: [] as number[], counts: [] as number[] },
    }
    for (const [environment, minutes] of this.#environments) {
      for (const [minute, counts] of minutes) {
        for (const [key, count] of counts) {
          if (count === 0) continue
          columns.environments.push(environment)
          columns.minutes.push(minute)
          columns.applicationIds.push(Math.floor(key / MOST_SORTS))
          columns.sorts.push(key % MOST_SORTS)
          columns.counts.push(count)
        }
      }
    }
    return columns
  }

  #minute(environment: string, minute: number): MinuteCounts {
    const minutes = this.#environments.get(environment) ?? new Map<number, MinuteCounts>()
    if (minutes.size === 0) this.#environments.set(environment, minutes)
    const counts = minutes.get(minute) ?? new Map<number, number>()
    if (counts.size === 0) minutes.set(minute, counts)
    return counts
  }

  #add(counts: MinuteCounts, key: number, change: number): void {
    const before = counts.get(key)
    if (before === undefined) this.#size++
    counts.set(key, (before ?? 0) + change)
  }
}
