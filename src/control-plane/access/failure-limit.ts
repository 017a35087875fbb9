import { createHash } from 'node:crypto'

const FREE_FAILURES = 20
const LONGEST_WAIT_MS = 60_000
const FORGOTTEN_AFTER_MS = 900_000
const MAX_ADDRESSES = 10_000

interface Failures {
  count: number
  until: number
  at: number
  credential: string
}

/**
 * Counts wrong credentials by address. After 20 failures each further one blocks the address, twice as long as the
 * previous one and at most for a minute; after a quarter of an hour without a failure the count is reset. Callers must
 * accept valid credentials regardless of this limit, so that users behind a shared address cannot lock each other out.
 */
export class FailureLimit {
  readonly #failures = new Map<string, Failures>()
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * Records a wrong credential; returns how many seconds the address must wait, or 0. Repeating the same wrong
   * credential, as a program with a revoked token does, counts once.
   */
  failed(address: string, credential: string): number {
    const now = this.#now()
    const held = this.#failures.get(address)
    const known = held && now - held.at < FORGOTTEN_AFTER_MS ? held : { count: 0, until: 0, at: now, credential: '' }
    if (now < known.until) return Math.ceil((known.until - now) / 1_000)
    const digest = createHash('sha256').update(credential).digest('base64')
    if (digest === known.credential) return 0
    known.count++
    known.at = now
    known.credential = digest
    const over = known.count - FREE_FAILURES
    if (over > 0) known.until = now + Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** Math.min(over, 16))
    this.#keep(address, known)
    return 0
  }

  #keep(address: string, failures: Failures): void {
    // Newest last, so that eviction removes the address whose last failure is the oldest.
    this.#failures.delete(address)
    this.#failures.set(address, failures)
    if (this.#failures.size <= MAX_ADDRESSES) return
    const [oldest] = this.#failures.keys()
    if (oldest !== undefined) this.#failures.delete(oldest)
  }
}
