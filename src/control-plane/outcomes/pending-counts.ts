import { type OutcomeSort, sortOf } from './outcome-tables.ts'

const MINUTE_MS = 60_000

/** Changes of counts, as columns. */
export interface CountColumns {
  readonly environments: readonly string[]
  readonly minutes: readonly number[]
  readonly applicationIds: readonly number[]
  readonly sorts: readonly number[]
  readonly counts: readonly number[]
}

/** Changes of counts that are not stored yet, summed up by minute, application, side, kind and cause. */
export class PendingCounts {
  #counts = new Map<string, number>()

  get size(): number {
    return this.#counts.size
  }

  /** Adds one outcome, or takes one back with `change` -1; `at` in milliseconds since the epoch. */
  add(environment: string, outcome: OutcomeSort & { applicationId: number; at: number }, change: 1 | -1): void {
    const minute = Math.floor(outcome.at / MINUTE_MS)
    this.#add(`${minute} ${outcome.applicationId} ${sortOf(outcome)} ${environment}`, change)
  }

  /** Adds what could not be stored; the other counts must not be used afterwards. */
  putBack(others: PendingCounts): void {
    if (this.#counts.size === 0) {
      this.#counts = others.#counts
      return
    }
    for (const [key, count] of others.#counts) this.#add(key, count)
  }

  /** Everything that is not zero. */
  columns(): CountColumns {
    const rows = [...this.#counts].filter(([, count]) => count !== 0)
    const parts = rows.map(([key, count]) => [...key.split(' '), count] as const)
    const numbers = (index: number) => parts.map((part) => Number(part[index]))
    return {
      environments: parts.map((part) => String(part[3])),
      minutes: numbers(0),
      applicationIds: numbers(1),
      sorts: numbers(2),
      counts: parts.map((part) => Number(part.at(-1))),
    }
  }

  #add(key: string, change: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + change)
  }
}
