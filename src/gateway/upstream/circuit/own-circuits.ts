import { type BreakerPolicy, openPeriod } from './breaker.ts'

/** Maximum number of keys per table. Beyond it the oldest key is forgotten. */
const MOST_ROWS = 10_000

/** Consecutive failures of one key. */
interface Row {
  inARow: number
  failedAt: number
  readonly networks: Set<string>
  /** How often the circuit of this key has opened since its last success. */
  openings: number
  openUntil: number
}

/** How a key's circuit changed, if it did. */
export type Turn = 'opened' | 'closed' | 'unchanged'

/**
 * Circuits of single keys, such as applications. Consecutive failures from enough networks open the circuit of that key
 * alone. It closes by itself when its period ends; then the first failure from each of those networks opens it again,
 * for twice as long. Bounded, and empty while nothing fails. Times are milliseconds of one monotonic clock.
 */
export class OwnCircuits<Key extends number | string> {
  readonly #policy: BreakerPolicy
  readonly #networks: number
  readonly #rows = new Map<Key, Row>()

  /** @param networks minimum number of networks the failures must come from */
  constructor(policy: BreakerPolicy, networks: number) {
    this.#policy = policy
    this.#networks = networks
  }

  /** Whether no key has failed since its last success. */
  get isEmpty(): boolean {
    return this.#rows.size === 0
  }

  isOpen(key: Key, now: number): boolean {
    const row = this.#rows.get(key)
    return row !== undefined && now < row.openUntil
  }

  clear(): void {
    this.#rows.clear()
  }

  succeeded(key: Key): Turn {
    const row = this.#rows.get(key)
    if (row === undefined) return 'unchanged'
    this.#rows.delete(key)
    return row.openings > 0 ? 'closed' : 'unchanged'
  }

  /** @param random 0 to 1, adds jitter to the open period */
  failed(key: Key, network: string, now: number, random: number): Turn {
    const row = this.#rowOf(key, now)
    // Sent before the circuit opened, or bound to IAM by its credential.
    if (now < row.openUntil) return 'unchanged'
    row.failedAt = now
    row.inARow++
    if (row.networks.size < this.#networks) row.networks.add(network)
    const enough = row.openings > 0 ? this.#networks : this.#policy.consecutiveFailures
    if (row.inARow < enough || row.networks.size < this.#networks) return 'unchanged'
    row.openings++
    row.openUntil = now + openPeriod(row.openings, this.#policy, random)
    row.inARow = 0
    row.networks.clear()
    return row.openings === 1 ? 'opened' : 'unchanged'
  }

  /** The keys with an open circuit. Forgets failures that are too old to count. */
  openKeys(now: number): Key[] {
    const keys: Key[] = []
    for (const [key, row] of this.#rows) {
      if (now < row.openUntil) keys.push(key)
      else if (!this.#counts(row, now)) this.#rows.delete(key)
    }
    return keys
  }

  #counts({ failedAt, openUntil }: Row, now: number): boolean {
    return now < failedAt + this.#policy.windowMs || now < openUntil + this.#policy.openMaxMs
  }

  #rowOf(key: Key, now: number): Row {
    const known = this.#rows.get(key)
    if (known !== undefined && this.#counts(known, now)) return known
    this.#rows.delete(key)
    if (this.#rows.size >= MOST_ROWS) {
      const [oldest] = this.#rows.keys()
      if (oldest !== undefined) this.#rows.delete(oldest)
    }
    const row: Row = { inARow: 0, failedAt: now, networks: new Set(), openings: 0, openUntil: Number.NEGATIVE_INFINITY }
    this.#rows.set(key, row)
    return row
  }
}
