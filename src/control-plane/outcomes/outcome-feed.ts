import type { OutcomeChange } from '../../outcomes/index.ts'
import type { Queryable } from '../../storage/index.ts'

/** The outcomes of all gateways, in order, on the replica that leads. */
export interface OutcomeFeed {
  /** Calls `on` synchronously for each change, until the returned function is called. */
  subscribe(on: (change: OutcomeChange) => void): () => void
  /**
   * Calls `collect` about once a second while outcomes arrive, between two changes, and runs what it returns within the
   * transaction that stores the counts up to the same change. So a subscriber that stores its state there sees each
   * outcome once, even when another replica takes over. When the transaction fails, `collect` is called again, for a
   * later change. Returns a function that ends it.
   */
  storeWith(collect: () => ((tx: Queryable) => Promise<void>) | undefined): () => void
}

/** Passes changes on to all subscribers; a subscriber that throws does not keep the others from theirs. */
export class OutcomeBroadcast implements OutcomeFeed {
  readonly #subscribers = new Set<(change: OutcomeChange) => void>()
  readonly #collectors = new Set<Parameters<OutcomeFeed['storeWith']>[0]>()
  readonly #onFault: (error: unknown) => void

  /** @param onFault receives what a subscriber throws */
  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

  subscribe(on: (change: OutcomeChange) => void): () => void {
    this.#subscribers.add(on)
    return () => this.#subscribers.delete(on)
  }

  storeWith(collect: Parameters<OutcomeFeed['storeWith']>[0]): () => void {
    this.#collectors.add(collect)
    return () => this.#collectors.delete(collect)
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

  /** Collects what subscribers store now; the result runs it within a transaction, and rejects if one of them does. */
  collect(): (tx: Queryable) => Promise<void> {
    const writes = [...this.#collectors].map((collect) => collect())
    return async (tx) => {
      for (const write of writes) await write?.(tx)
    }
  }
}
