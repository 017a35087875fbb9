import { randomUUID } from 'node:crypto'
import type { Environment } from '../../flags/index.ts'
import type { Log } from '../../observability/index.ts'
import { linesIn, type OutcomeBatch, type OutcomeReceipt } from '../../outcomes/index.ts'
import { type Leadership, LostLeadershipError } from '../rollouts/leadership/leadership.ts'
import { EnvironmentOutcomes, type Refusal } from './environment-outcomes.ts'
import { OutcomeBroadcast, type OutcomeFeed } from './outcome-feed.ts'
import type { CountFilter, OutcomeStore, StoredCount, StoredWith } from './outcome-store.ts'
import { PendingCounts } from './pending-counts.ts'

const BEAT_MS = 1_000
/** Long enough to read several batches at once. */
const SOON_MS = 50
const UPKEEP_MS = 60_000
/** Counts that are not stored yet; beyond it, gateways have to keep their observations. */
const MOST_PENDING = 300_000
const MEMORY_AT_ONCE = 500
const BATCHES_AT_ONCE = 50

/** What outcomes need of the control plane. */
export interface OutcomesOptions {
  readonly store: OutcomeStore
  readonly leadership: Leadership
  readonly log: Log
  readonly hasApplication: (applicationId: number) => boolean
  /** Whether an application is a twin that only probes use. */
  readonly isProbe: (applicationId: number) => boolean
  readonly refused: (why: Refusal) => void
  readonly lost: (environment: string, count: number) => void
  /** Called when counts are stored without the state that a subscriber holds of them. */
  readonly unstored: () => void
  /** How often counts are stored, in milliseconds. Default 1,000. */
  readonly beatMs?: number
}

/** What was being stored when the connection was lost: it has happened, or not. */
interface Attempt {
  readonly id: string
  readonly counts: PendingCounts
  readonly with: StoredWith
}

/**
 * Turns what gateways observe into outcomes, on the replica that leads; the other replicas hand their batches to it
 * through the database. Counts, positions of gateways and what subscribers store are written once a second in one
 * transaction, and only then acknowledged, so that no outcome is counted twice or lost when a replica ends.
 */
export class Outcomes {
  readonly #options: OutcomesOptions
  readonly #broadcast: OutcomeBroadcast
  #environments: Map<string, EnvironmentOutcomes> | undefined
  /** The term of leadership that everything in memory belongs to. */
  #term: number | undefined
  #counts = new PendingCounts()
  #taken = new Set<number>()
  #attempt: Attempt | undefined
  #timer: NodeJS.Timeout | undefined
  #drain: NodeJS.Timeout | undefined
  #beating: Promise<void> = Promise.resolve()
  #upkeepAt = Number.NEGATIVE_INFINITY
  #unlisten: (() => Promise<void>) | undefined
  #unsubscribe: () => void
  #isClosed = false
  #isFailing = false

  /** Nothing happens before {@link start}. */
  constructor(options: OutcomesOptions) {
    this.#options = options
    const { log, leadership } = options
    this.#broadcast = new OutcomeBroadcast(
      (error) => log.error({ err: error }, 'an outcome could not be judged'),
      (error, isFirst) => {
        options.unstored()
        if (isFirst) log.error({ err: error }, 'outcomes are stored without the state of a guard')
      },
    )
    this.#broadcast.subscribe((change) => {
      if (change.kind === 'lost') options.lost(change.environment, change.count)
    })
    this.#unsubscribe = leadership.subscribe((isLeader) => {
      if (leadership.term !== this.#term) this.#forget()
      if (isLeader) void this.#beat()
    })
  }

  /** Creates and starts outcomes, for callers that subscribe later or not at all. */
  static async open(options: OutcomesOptions): Promise<Outcomes> {
    const outcomes = new Outcomes(options)
    await outcomes.start()
    return outcomes
  }

  /** Takes over what is stored if this replica leads. Who subscribed to {@link feed} before misses nothing of it. */
  async start(): Promise<void> {
    this.#unlisten = await this.#options.store.onHanded(() => this.#takeHandedSoon())
    await this.#beat()
  }

  /** Reads stored counts, newest first. */
  read(filter: CountFilter): Promise<StoredCount[]> {
    return this.#options.store.read(filter)
  }

  /** The feed for guards. */
  get feed(): OutcomeFeed {
    return this.#broadcast
  }

  /** The starts that are followed, over all environments. */
  get starts(): { readonly followed: number; readonly ignored: number } {
    const sum = { followed: 0, ignored: 0 }
    for (const { starts } of this.#environments?.values() ?? []) {
      sum.followed += starts.followed
      sum.ignored += starts.ignored
    }
    return sum
  }

  /** Takes a batch of a gateway, or hands it to the replica that leads; undefined if there is no room for it now. */
  async take(batch: OutcomeBatch): Promise<OutcomeReceipt | undefined> {
    const receivedAt = clock()
    if (this.#environments === undefined) return this.#hand(batch, receivedAt)
    if (this.#counts.size > MOST_PENDING) return undefined
    const { instance, first, oldest } = batch
    const isInOrder = this.#of(batch.environment)?.positions.place({ instance, first, oldest, count: 0 })?.lost === 0
    // What is missing may be among the batches that other replicas took.
    if (!isInOrder) await this.#takeHanded()
    const environment = this.#of(batch.environment)
    if (environment === undefined) return undefined
    environment.take(batch, receivedAt, clock())
    return environment.positions.receipt(instance)
  }

  /** Only the oldest batch of a gateway: the leader may not have stored earlier ones, and must take them in order. */
  async #hand(batch: OutcomeBatch, receivedAt: number): Promise<OutcomeReceipt> {
    const { first, oldest, lines } = batch
    if (first > oldest) return { next: oldest, stored: oldest }
    await this.#options.store.hand(batch, receivedAt)
    const next = first + linesIn(lines)
    return { next, stored: next }
  }

  /** Stores what is pending, and stops. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    clearTimeout(this.#drain)
    this.#unsubscribe()
    await this.#unlisten?.()
    await this.#beating
    if (this.#environments !== undefined) await this.#store().catch(() => {})
  }

  /** Does what is due each second, one call after the other. */
  #beat(): Promise<void> {
    clearTimeout(this.#timer)
    this.#beating = this.#beating.then(async () => {
      try {
        await this.#doBeat()
        if (this.#isFailing) this.#options.log.info('outcomes are stored again')
        this.#isFailing = false
      } catch (error) {
        const isLost = error instanceof LostLeadershipError
        // If the term has ended, the lease says so; otherwise the lease has only lapsed.
        if (!isLost && !this.#isFailing) this.#options.log.warn({ err: error }, 'outcomes cannot be stored')
        this.#isFailing = !isLost
      }
      clearTimeout(this.#timer)
      if (!this.#isClosed) this.#timer = setTimeout(() => void this.#beat(), this.#options.beatMs ?? BEAT_MS)
    })
    return this.#beating
  }

  async #doBeat(): Promise<void> {
    const { leadership, store } = this.#options
    if (!leadership.isLeader) return
    const { term } = leadership
    if (this.#environments === undefined || this.#term !== term) {
      this.#forget()
      const loaded = await this.#load()
      if (leadership.term !== term) return
      this.#environments = loaded
      this.#term = term
    }
    await this.#takeHanded()
    for (const environment of this.#environments?.values() ?? []) environment.advance(clock())
    await this.#store()
    if (performance.now() - this.#upkeepAt < UPKEEP_MS) return
    this.#upkeepAt = performance.now()
    await store.upkeep((work) => leadership.write(work), clock())
    await leadership.write((tx) => store.forgetRemoved(tx))
  }

  async #load(): Promise<Map<string, EnvironmentOutcomes>> {
    const { gateways, memory } = await this.#options.store.load()
    const environments = new Map<string, EnvironmentOutcomes>()
    for (const { environment, instance, next } of gateways) {
      this.#in(environments, environment).positions.restore(instance, next)
    }
    for (const { environment, application_id, memory: remembered } of memory) {
      this.#in(environments, environment).memory.restore(application_id, remembered)
    }
    return environments
  }

  #of(environment: Environment | string): EnvironmentOutcomes | undefined {
    return this.#environments && this.#in(this.#environments, environment)
  }

  #in(environments: Map<string, EnvironmentOutcomes>, environment: string): EnvironmentOutcomes {
    const known = environments.get(environment)
    if (known) return known
    const { hasApplication, isProbe, refused } = this.#options
    const made = new EnvironmentOutcomes({
      ...{ environment, hasApplication, isProbe, refused },
      counts: () => this.#counts,
      publish: (change) => this.#broadcast.publish(change),
    })
    environments.set(environment, made)
    return made
  }

  #takeHandedSoon(): void {
    if (this.#environments === undefined) return
    this.#drain ??= setTimeout(() => {
      this.#drain = undefined
      this.#takeHanded().catch((error: unknown) =>
        this.#options.log.debug({ err: error }, 'batches for the leader cannot be read'),
      )
    }, SOON_MS)
  }

  async #takeHanded(): Promise<void> {
    for (;;) {
      const handed = await this.#options.store.handed([...this.#taken], BATCHES_AT_ONCE)
      for (const { id, batch, received_at } of handed) {
        const given = batch as OutcomeBatch
        if (this.#environments === undefined || this.#taken.has(id)) continue
        this.#taken.add(id)
        this.#of(given.environment)?.take(given, received_at, clock())
      }
      if (handed.length < BATCHES_AT_ONCE) return
    }
  }

  /** Stores everything that is pending in one transaction. */
  async #store(): Promise<void> {
    const environments = this.#environments
    if (environments === undefined) return
    const { store, leadership } = this.#options
    const before = this.#attempt
    if (before !== undefined) {
      if (await this.#hasHappened(before)) this.#stored(environments, before)
      else this.#putBack(before)
      this.#attempt = undefined
    }
    const next = this.#collect(environments)
    if (next === undefined) return
    const storeSubscribers = this.#broadcast.collect()
    // Not worth a transaction that would be rolled back: the counts wait in memory.
    if (storeSubscribers === undefined) return this.#putBack(next)
    this.#attempt = next
    await leadership.write(async (tx) => {
      await store.write(tx, next.id, next.counts, next.with)
      await storeSubscribers(tx)
    })
    this.#attempt = undefined
    this.#stored(environments, next)
  }

  async #hasHappened({ id }: Attempt): Promise<boolean> {
    const { store, leadership } = this.#options
    return leadership.write(async (tx) => (await store.lastStored(tx)) === id)
  }

  #collect(environments: Map<string, EnvironmentOutcomes>): Attempt | undefined {
    const gateways: Array<StoredWith['gateways'][number]> = []
    const memory: Array<StoredWith['memory'][number]> = []
    for (const [environment, { positions, memory: remembered }] of environments) {
      for (const one of positions.takeChanged()) gateways.push({ environment, ...one })
      for (const [applicationId, one] of remembered.takeChanged(MEMORY_AT_ONCE)) {
        memory.push({ environment, applicationId, memory: one })
      }
    }
    const counts = this.#counts
    if (counts.size + gateways.length + memory.length + this.#taken.size === 0) return undefined
    this.#counts = new PendingCounts()
    return { id: randomUUID(), counts, with: { gateways, memory, batches: [...this.#taken] } }
  }

  #putBack({ counts, with: { gateways, memory } }: Attempt): void {
    this.#counts.putBack(counts)
    for (const one of gateways) this.#of(one.environment)?.positions.putBack([one])
    for (const { environment, applicationId } of memory) this.#of(environment)?.memory.putBack([applicationId])
  }

  #stored(environments: Map<string, EnvironmentOutcomes>, { with: { gateways, batches } }: Attempt): void {
    for (const one of gateways) environments.get(one.environment)?.positions.stored([one])
    for (const id of batches) this.#taken.delete(id)
  }

  /** Another replica leads: what is not stored will be sent to it again. */
  #forget(): void {
    this.#environments = undefined
    this.#term = undefined
    this.#counts = new PendingCounts()
    this.#taken = new Set()
    this.#attempt = undefined
  }
}

/** Milliseconds since the epoch, by a clock that never jumps. */
function clock(): number {
  return performance.timeOrigin + performance.now()
}
