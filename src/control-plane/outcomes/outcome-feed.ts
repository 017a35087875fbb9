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
   * later change. When `collect` or what it returned fails, the counts are stored without it, so the subscriber has to
   * store the same state again. `not_yet` keeps everything from being stored until the next call. Returns a function that
   * ends it.
   */
  storeWith(collect: Collect): () => void
}

type Write = (tx: Queryable) => Promise<void>
type Collect = () => Write | 'not_yet' | undefined

/** Passes changes on to all subscribers; a subscriber that throws does not keep the others from theirs. */
export class OutcomeBroadcast implements OutcomeFeed {
  readonly #subscribers = new Set<(change: OutcomeChange) => void>()
  readonly #collectors = new Set<Collect>()
  /** Those that failed the last time. */
  readonly #failing = new Set<Collect>()
  readonly #onFault: (error: unknown) => void
  readonly #onUnstored: (error: unknown, isFirst: boolean) => void

  /**
   * @param onFault receives what a subscriber throws
   * @param onUnstored receives why a subscriber could not store its state, each time, and whether it could the time before
   */
  constructor(onFault: (error: unknown) => void, onUnstored: (error: unknown, isFirst: boolean) => void) {
    this.#onFault = onFault
    this.#onUnstored = onUnstored
  }

  subscribe(on: (change: OutcomeChange) => void): () => void {
    this.#subscribers.add(on)
    return () => this.#subscribers.delete(on)
  }

  storeWith(collect: Collect): () => void {
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

  /**
   * Collects what subscribers store now; undefined when one of them is not ready yet. The result runs it within a
   * transaction. It rejects when the transaction is over; a subscriber that fails leaves the transaction as it was.
   */
  collect(): Write | undefined {
    const collected = [...this.#collectors].map((collect) => ({ collect, write: this.#ask(collect) }))
    if (collected.some(({ write }) => write === 'not_yet')) return undefined
    return async (tx) => {
      for (const { collect, write } of collected) {
        if (typeof write === 'function') await this.#run(tx, collect, write)
      }
    }
  }

  #ask(collect: Collect): ReturnType<Collect> {
    try {
      return collect()
    } catch (error) {
      this.#report(collect, error)
      return undefined
    }
  }

  async #run(tx: Queryable, collect: Collect, write: Write): Promise<void> {
    await tx.query('savepoint subscriber')
    try {
      await write(tx)
      this.#failing.delete(collect)
    } catch (error) {
      // Rejects when the connection is lost, so that the whole transaction is repeated.
      await tx.query('rollback to savepoint subscriber')
      this.#report(collect, error)
    }
    await tx.query('release savepoint subscriber')
  }

  #report(collect: Collect, error: unknown): void {
    const isFirst = !this.#failing.has(collect)
    this.#failing.add(collect)
    this.#onUnstored(error, isFirst)
  }
}
