import type { Definitions } from '../flags/index.ts'
import type { Log } from '../observability/index.ts'
import { isStoreSilent } from '../storage/index.ts'
import type { VersionedChange } from './model.ts'
import type { Store } from './store.ts'
import { View } from './view.ts'

const POLL_MS = 1_000
const PAGE = 1_000
/** How many changes a stream may be behind and still resume; further back, the whole snapshot is less work. */
const HELD_CHANGES = 5_000

/** Hears of every change in order; `undefined` says that the view was loaded anew and the thread is lost. */
export type FeedListener = (step: VersionedChange | undefined) => void

/** Keeps a {@link View} up to date with the database, whoever writes to it, and tells listeners of each change. */
export class ChangeFeed {
  readonly #store: Store
  readonly #definitions: Definitions
  readonly #log: Log
  #view: View
  #recent: VersionedChange[] = []
  #listeners = new Set<FeedListener>()
  #running: Promise<void> | undefined
  #again: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #unlisten: (() => Promise<void>) | undefined
  #failing = false

  private constructor(store: Store, definitions: Definitions, log: Log, view: View) {
    this.#store = store
    this.#definitions = definitions
    this.#log = log
    this.#view = view
  }

  /** Loads everything and starts to follow. Rejects when the database cannot be read. */
  static async open(store: Store, definitions: Definitions, log: Log): Promise<ChangeFeed> {
    const feed = new ChangeFeed(store, definitions, log, new View(await store.load(), definitions))
    feed.#unlisten = await store.database.listen(store.channel, () => feed.#poke())
    feed.#timer = setInterval(() => feed.#poke(), POLL_MS)
    feed.#poke()
    return feed
  }

  get view(): View {
    return this.#view
  }

  /** Returns a function that ends the subscription. */
  subscribe(listener: FeedListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when the view holds everything that was committed before the call. */
  catchUp(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#follow().finally(() => {
        this.#running = undefined
      })
      return this.#running
    }
    // The one under way may have read before the caller's commit, so another follows; callers meanwhile share it.
    this.#again ??= this.#running
      .catch((error: unknown) => {
        // Who has waited out one silence is not made to wait for another.
        if (isStoreSilent(error)) throw error
      })
      .finally(() => {
        this.#again = undefined
      })
      .then(() => this.catchUp())
    return this.#again
  }

  /** The changes after one version up to another, from memory or else the database; undefined when not all are kept. */
  async changesBetween(after: number, upTo: number): Promise<VersionedChange[] | undefined> {
    if (after > upTo) return undefined
    if (after === upTo) return []
    const oldest = this.#recent[0]
    if (oldest && oldest.version <= after + 1) {
      return this.#recent.filter(({ version }) => version > after && version <= upTo)
    }
    if (upTo - after > HELD_CHANGES) return undefined
    const kept = await this.#store.changesAfter(after, upTo - after)
    return kept.length === upTo - after ? kept : undefined
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#unlisten?.()
    await this.#running?.catch(() => {})
  }

  #poke(): void {
    this.catchUp().then(
      () => {
        if (this.#failing) this.#log.info('the database answers again')
        this.#failing = false
      },
      (error: unknown) => {
        if (!this.#failing) this.#log.warn({ err: error }, 'cannot follow the database')
        this.#failing = true
      },
    )
  }

  async #follow(): Promise<void> {
    for (;;) {
      const page = await this.#store.changesAfter(this.#view.version, PAGE)
      const first = page[0]
      if (!first) return
      if (first.version !== this.#view.version + 1) return this.#reload()
      for (const step of page) this.#take(step)
      if (page.length < PAGE) return
    }
  }

  async #reload(): Promise<void> {
    this.#view = new View(await this.#store.load(), this.#definitions)
    this.#recent = []
    for (const listener of this.#listeners) listener(undefined)
  }

  #take(step: VersionedChange): void {
    this.#view.apply(step.version, step.change)
    this.#recent.push(step)
    if (this.#recent.length > HELD_CHANGES * 2) this.#recent = this.#recent.slice(-HELD_CHANGES)
    for (const listener of this.#listeners) listener(step)
  }
}
