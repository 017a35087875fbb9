import type { Definitions } from '../../flags/index.ts'
import type { Log } from '../../observability/index.ts'
import { type GatesStep, stepBetween } from '../../routing/index.ts'
import { isStoreSilent } from '../../storage/index.ts'
import { SYSTEM_CONTEXT } from '../audit/change-context.ts'
import { judgeHeld, lostChanges } from './history.ts'
import type { Position, VersionedChange } from './model.ts'
import { ROUTING_FLAGS, StateCache } from './state-cache.ts'
import type { Store } from './store.ts'

const POLL_MS = 1_000
const PAGE = 1_000
/** How many changes a stream may be behind and still resume; beyond that, the whole snapshot is less work. */
const HELD_CHANGES = 5_000
/** The most actors that the flags in these changes may list together: beyond it, the oldest changes are dropped. */
const HELD_MEMBERS = 1_000_000
/** A claim advances the clock by at most this much. */
const MOST_LOST = 1_000_000

/** The maximum number of lost changes that are listed for people. */
const MOST_NAMED = 20

/** The state that a reader claims to hold; an older gateway knows no stamp. */
export type Claim = Pick<Position, 'epoch' | 'version'> & { readonly stamp: string | undefined }

/** A change, and for a flag that routes, how its gates changed; without it, that is not known. */
export interface FeedStep extends VersionedChange {
  readonly gates?: GatesStep | undefined
}

/** Called for every change in order; `undefined` means that the view was reloaded and the sequence is broken. */
export type FeedListener = (step: FeedStep | undefined) => void

/**
 * Keeps a {@link StateCache} up to date with the database, regardless of the writer, and notifies listeners of each change. If
 * the database has lost committed changes (a lagging standby took over, a backup was restored), a new epoch begins, so
 * that no version is silently used twice.
 */
export class ChangeFeed {
  readonly #store: Store
  readonly #definitions: Definitions
  readonly #log: Log
  #cache: StateCache
  #recent: FeedStep[] = []
  /** How many actors the states in `#recent` list. */
  #recentMembers = 0
  #listeners = new Set<FeedListener>()
  #running: Promise<void> | undefined
  #again: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #unlisten: (() => Promise<void>) | undefined
  #failing = false
  #claim: Claim | undefined
  #historyLostAt: number | undefined

  private constructor(store: Store, definitions: Definitions, log: Log, cache: StateCache) {
    this.#store = store
    this.#definitions = definitions
    this.#log = log
    this.#cache = cache
  }

  /** Loads everything and starts to follow. Rejects if the database cannot be read. */
  static async open(store: Store, definitions: Definitions, log: Log): Promise<ChangeFeed> {
    const feed = new ChangeFeed(store, definitions, log, new StateCache(await store.load(), definitions))
    feed.#unlisten = await store.database.listen(store.channel, () => feed.#poke())
    feed.#timer = setInterval(() => feed.#poke(), POLL_MS)
    feed.#poke()
    return feed
  }

  get cache(): StateCache {
    return this.#cache
  }

  /** When the database was last found to have lost changes, in milliseconds since 1970. */
  get historyLostAt(): number | undefined {
    return this.#historyLostAt
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
    // The read in progress may have started before the caller's commit, so another one follows, which all callers
    // share.
    this.#again ??= this.#running
      .catch((error: unknown) => {
        // A caller that already waited for one database timeout does not wait for a second.
        if (isStoreSilent(error)) throw error
      })
      .finally(() => {
        this.#again = undefined
      })
      .then(() => this.catchUp())
    return this.#again
  }

  /**
   * How a claim relates to the history of the view: `known` can be resumed from, `unknown` is too old or of another
   * epoch, `lost` was committed once and no longer exists. Call {@link catchUp} first.
   */
  async judge({ epoch, version, stamp }: Claim): Promise<'known' | 'unknown' | 'lost'> {
    const held = this.#cache.position
    if (epoch !== held.epoch) return 'unknown'
    if (version > held.version) return 'lost'
    if (stamp === undefined) return 'known'
    if (version === held.version) return stamp === held.stamp ? 'known' : 'lost'
    const history = await this.#store.historyFrom(version, 1)
    if (history.epoch !== epoch) return 'unknown'
    const status = judgeHeld({ version, stamp }, history)
    return status === 'continues' ? 'known' : status === 'lost' ? 'lost' : 'unknown'
  }

  /**
   * Begins a new epoch, unless one has begun already, for what `claim` shows to be lost. Resolves when the view is in
   * it.
   */
  async reportLost(claim: Claim): Promise<void> {
    this.#claim = claim
    await this.catchUp()
  }

  /**
   * The changes after one version up to another, from memory or else the database; undefined if some are no longer
   * kept.
   */
  async changesBetween(after: number, upTo: number): Promise<FeedStep[] | undefined> {
    if (after > upTo) return undefined
    if (after === upTo) return []
    const oldest = this.#recent[0]
    if (oldest && oldest.version <= after + 1) {
      return this.#recent.filter(({ version }) => version > after && version <= upTo)
    }
    if (upTo - after > HELD_CHANGES) return undefined
    const { epoch, version, stamp } = this.#cache.position
    const history = await this.#store.historyFrom(after + 1, upTo - after)
    const kept = history.changes
    // Changes that the database has lost since the view was read must not be mixed with the view's content.
    const isSame = history.epoch === epoch && (version !== upTo || kept.at(-1)?.stamp === stamp)
    return isSame && kept.length === upTo - after ? [...kept] : undefined
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
        if (!this.#failing) this.#log.warn({ err: error }, 'cannot read changes from the database')
        this.#failing = true
      },
    )
  }

  async #follow(): Promise<void> {
    for (;;) {
      const held = this.#cache.position
      const history = await this.#store.historyFrom(held.version, PAGE)
      if (history.epoch !== held.epoch) return this.#reload()
      const claim = this.#claim
      this.#claim = undefined
      const status = judgeHeld(held, history)
      if (status === 'lost') return this.#beginEpoch(held)
      if (claim !== undefined && claim.epoch === held.epoch) return this.#beginEpoch(claim)
      if (status === 'far_behind') return this.#reload()
      const page = history.changes.filter(({ version }) => version > held.version)
      for (const step of page) this.#take(step)
      if (history.changes.length < PAGE) return
    }
  }

  /** `gone` are the changes that were committed and that the database no longer has. */
  async #beginEpoch(gone: Claim): Promise<void> {
    const { epoch, version } = gone
    const history = await this.#store.historyFrom(Math.max(0, this.#cache.version - PAGE), 2 * PAGE)
    const lost = lostChanges(this.#recent, history)
    const fields = { held: version, found: history.newest, lost: lost.slice(-MOST_NAMED), lost_count: lost.length }
    const details = { context: SYSTEM_CONTEXT, action: 'history.lost', environment: null, subject: 'database' } as const
    const above = Math.min(version, history.newest + MOST_LOST)
    if (await this.#store.beginEpoch(epoch, above, { ...details, before: null, after: null, details: fields })) {
      this.#historyLostAt = Date.now()
      this.#log.error(fields, 'the database has lost changes that it had committed; a new epoch begins')
    }
    return this.#reload()
  }

  async #reload(): Promise<void> {
    this.#cache = new StateCache(await this.#store.load(), this.#definitions)
    this.#recent = []
    this.#recentMembers = 0
    for (const listener of this.#listeners) listener(undefined)
  }

  #take(change: VersionedChange): void {
    const step = this.#apply(change)
    this.#recent.push(step)
    this.#recentMembers += membersOf(step)
    if (this.#recent.length > HELD_CHANGES * 2 || this.#recentMembers > HELD_MEMBERS * 2) this.#forgetOldest()
    for (const listener of this.#listeners) listener(step)
  }

  #apply(change: VersionedChange): FeedStep {
    const flag = change.change
    const isRouting = flag.kind === 'flag' && ROUTING_FLAGS.includes(flag.name)
    const before = isRouting ? this.#cache.gates(flag.environment, flag.name) : undefined
    this.#cache.apply(change)
    if (!isRouting || !before) return change
    return { ...change, gates: stepBetween(before, this.#cache.gates(flag.environment, flag.name)) }
  }

  #forgetOldest(): void {
    let from = Math.max(0, this.#recent.length - HELD_CHANGES)
    for (const step of this.#recent.slice(0, from)) this.#recentMembers -= membersOf(step)
    for (; this.#recentMembers > HELD_MEMBERS; from++) {
      this.#recentMembers -= membersOf(this.#recent[from])
    }
    this.#recent = this.#recent.slice(from)
  }
}

/** How many actors the state of a flag in a change lists: the size of the change in memory. */
function membersOf(step: FeedStep | undefined): number {
  if (step?.change.kind !== 'flag' || !step.change.state) return 0
  return step.change.state.actors.length + step.change.state.opted_out.length
}
