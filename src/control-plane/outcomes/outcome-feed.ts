import type { OutcomeChange } from '../../outcomes/index.ts'
import type { Queryable } from '../../storage/index.ts'

/** The outcomes of all gateways, in order, on the replica that leads. */
export interface OutcomeFeed {
  /** Calls `on` synchronously for each change, until the returned function is called. */
  subscribe(on: (change: OutcomeChange) => void): () => void
  /**
   * Has `write` called within each transaction that stores counts, about once a second while outcomes arrive: what it
   * writes and the position up to which observations are acknowledged are stored together, or neither is. Returns a
   * function that ends it.
   */
  storeWith(write: (tx: Queryable) => Promise<void>): () => void
}

/** Passes changes on to all subscribers; a subscriber that throws does not keep the others from theirs. */
export class OutcomeBroadcast implements OutcomeFeed {
  readonly #subscribers = new Set<(change: OutcomeChange) => void>()
  readonly #writers = new Set<(tx: Queryable) => Promise<void>>()
  readonly #onFault: (error: unknown) => void

  /** @param onFault receives what a subscriber throws */
  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

  subscribe(on: (change: OutcomeChange) => void): () => void {
    this.#subscribers.add(on)
    return () => this.#subscribers.delete(on)
  }

  storeWith(write: (tx: Queryable) => Promise<void>): () => void {
    this.#writers.add(write)
    return () => this.#writers.delete(write)
  }

  /** Calls every subscriber with a change. */
  publish(change: OutcomeChange): void {
    for (const on of this.#subscribers) {
      try {
        on(change)
      } catch (error) {
        this.#onFault(error)
      }
    }
  }

  /** Runs what subscribers store, within a transaction. Rejects if one of them does. */
  async store(tx: Queryable): Promise<void> {
    for (const write of this.#writers) await write(tx)
  }
}
