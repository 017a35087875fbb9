import type { DueFeeds, FeedPart, FeedPlace, PendingDelivery } from './due-feeds.ts'

/** What is to be delivered next. */
export interface QueuedBatch {
  readonly due: readonly PendingDelivery[]
  /** Called when the batch has been recorded; without it, the same rows are found again. */
  done(): void
}

/**
 * The order in which a target receives what is due: what the reported target has confirmed, then changes, then what
 * could not be delivered before. A run begins a little before the end of the run before it; after {@link rewind}, at
 * the beginning of everything.
 */
export class DeliveryQueue {
  readonly #feeds: DueFeeds
  readonly #reports: boolean
  #changes: FeedPlace
  #confirmations: FeedPlace
  #isRewound = true
  #isChangesRead = false
  #isConfirmationsRead = false

  constructor(feeds: DueFeeds, reports: boolean) {
    this.#feeds = feeds
    this.#reports = reports
  }

  /** Lets the next run look at everything: after a reconciliation, and after a fault. */
  rewind(): void {
    this.#isRewound = true
  }

  /** Whether the next run looks at everything. */
  get isRewound(): boolean {
    return this.#isRewound
  }

  /** Begins a run. */
  async begin(): Promise<void> {
    this.#changes = this.#isRewound ? undefined : await this.#feeds.before(this.#changes)
    // The changes contain everything that was confirmed before.
    this.#confirmations = await this.#feeds.before(this.#confirmations ?? { at: 'now', id: 0 })
    this.#isRewound = false
    this.#isChangesRead = false
    this.#isConfirmationsRead = !this.#reports
  }

  /** The next rows of the run, at most `limit`; empty at its end. With `isWaiting`, changes stay for a later run. */
  async next(limit: number, isWaiting: boolean): Promise<QueuedBatch> {
    while (!this.#isConfirmationsRead) {
      const part = await this.#feeds.confirmations(this.#confirmations, limit)
      const done = () => {
        this.#confirmations = part.upTo ?? this.#confirmations
        this.#isConfirmationsRead = part.isEnd
      }
      if (part.due.length > 0) return { due: part.due, done }
      done()
    }
    while (!this.#isChangesRead && !isWaiting) {
      const part: FeedPart = await this.#feeds.changes(this.#changes, limit)
      const done = () => {
        this.#changes = part.upTo ?? this.#changes
        this.#isChangesRead = part.isEnd
      }
      if (part.due.length > 0) return { due: part.due, done }
      done()
    }
    return { due: await this.#feeds.retries(limit), done: () => {} }
  }
}
