import { randomUUID } from 'node:crypto'
import type { Log } from '../../../observability/index.ts'
import type { Database, Queryable, Statement } from '../../../storage/index.ts'

/** The leader renews its lease, and the others read it, at this interval. */
const BEAT_MS = 1_000
/** A lease that was not renewed for this long can be taken over. */
const LEASE_MS = 3_000

/** This replica does not lead, or no longer does: nothing was written. */
export class LostLeadershipError extends Error {
  readonly code = 'leadership_lost'
  constructor() {
    super('another replica of the control plane leads')
    this.name = 'LostLeadershipError'
  }
}

/** Elects one leader among the replicas that share a database. */
export interface Leadership {
  readonly isLeader: boolean
  /** Grows with every change of leader; undefined when not leading. */
  readonly fence: number | undefined
  /**
   * The fence that this replica last led with, as long as it has not learned that another has taken over. When the lease
   * lapses, because this process got no CPU time or the database was away, nothing is written, but what the replica holds
   * in memory stays true until the term ends.
   */
  readonly term: number | undefined
  /** Runs `work` in a transaction that fails with {@link LostLeadershipError} when another replica has taken over. */
  write<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
  /**
   * The same check for a transaction that has begun already: until it ends, no other replica can take over. Call it
   * first in the transaction.
   */
  hold(tx: Queryable): Promise<void>
  /** Called when {@link isLeader} or {@link term} changes. Returns a function that ends that. */
  subscribe(on: (isLeader: boolean) => void): () => void
}

/**
 * The lease. `fence` is its key, so that PostgreSQL's `for key share` lets the leader renew during a write, but blocks a
 * takeover, which changes the key. `beats` counts renewals.
 */
export const LEADERSHIP_SQL = `
create table {schema}.leadership (
  fence bigint primary key,
  only_row boolean not null default true unique check (only_row),
  holder text,
  beats bigint not null default 0,
  renewed_at timestamptz not null default now()
);
insert into {schema}.leadership (fence) values (0);
`

interface Lease {
  readonly fence: number
  readonly holder: string | null
  readonly beats: number
}

/** The times of a lease; tests shorten them. */
export interface LeaseTimes {
  readonly beatMs?: number
  readonly leaseMs?: number
}

/**
 * Leads by a lease in the database. A replica takes over a lease whose count of renewals has not changed for `leaseMs`
 * by the replica's own monotonic clock. No wall clock is compared, so a clock that jumps on any machine neither takes
 * the lead away nor keeps a dead leader in it. A leader that cannot renew stops leading before another can take over,
 * and the fence refuses whatever it still writes.
 */
export class LeaderLease implements Leadership {
  readonly #database: Database
  readonly #log: Log
  readonly #statements: ReturnType<typeof statementsOf>
  readonly #holder = randomUUID()
  readonly #beatMs: number
  readonly #leaseMs: number
  readonly #listeners = new Set<(isLeader: boolean) => void>()
  #fence: number | undefined
  /** The monotonic time until which this replica leads. */
  #until = Number.NEGATIVE_INFINITY
  #seen: { readonly lease: Lease; readonly since: number } | undefined
  #timer: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined
  #beating: Promise<void> = Promise.resolve()
  #isClosed = false
  #told: { readonly isLeader: boolean; readonly term: number | undefined } = { isLeader: false, term: undefined }

  private constructor(database: Database, schema: string, log: Log, times: LeaseTimes) {
    this.#database = database
    this.#log = log
    this.#statements = statementsOf(schema)
    this.#beatMs = times.beatMs ?? BEAT_MS
    this.#leaseMs = times.leaseMs ?? LEASE_MS
  }

  /** Joins the election; resolves after its first attempt to lead. Does not reject while the database is unreachable. */
  static async join(database: Database, schema: string, log: Log, times: LeaseTimes = {}): Promise<LeaderLease> {
    const lease = new LeaderLease(database, schema, log, times)
    await lease.#beat()
    return lease
  }

  get isLeader(): boolean {
    return this.fence !== undefined
  }

  get fence(): number | undefined {
    return performance.now() < this.#until ? this.#fence : undefined
  }

  get term(): number | undefined {
    return this.#fence
  }

  write<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#database.transaction(async (tx) => {
      await this.hold(tx)
      return work(tx)
    })
  }

  async hold(tx: Queryable): Promise<void> {
    const { fence } = this
    if (fence === undefined) throw new LostLeadershipError()
    const held = await tx.query(this.#statements.hold, [fence])
    if (held.length === 0) throw new LostLeadershipError()
  }

  subscribe(on: (isLeader: boolean) => void): () => void {
    this.#listeners.add(on)
    return () => this.#listeners.delete(on)
  }

  /** Leaves the election. A leader gives its lease back, so that another replica takes over at its next beat. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#beating
    const { fence } = this
    this.#step(undefined, Number.NEGATIVE_INFINITY)
    if (fence !== undefined) await this.#database.query(this.#statements.release, [fence]).catch(() => [])
  }

  /** Ends this replica's part in the election without giving the lease back, as a crash does: for tests. */
  abandon(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    clearTimeout(this.#expiry)
    this.#until = Number.NEGATIVE_INFINITY
  }

  #beat(): Promise<void> {
    this.#beating = this.#renewOrTake()
      .catch((error: unknown) => this.#log.debug({ err: error }, 'the lease of the leader cannot be read'))
      .then(() => {
        if (this.#isClosed) return
        this.#timer = setTimeout(() => void this.#beat(), this.#beatMs)
      })
    return this.#beating
  }

  async #renewOrTake(): Promise<void> {
    const asked = performance.now()
    if (this.#fence !== undefined) {
      const renewed = await this.#database.query(this.#statements.renew, [this.#fence])
      if (renewed.length > 0) return this.#step(this.#fence, asked + this.#leaseMs)
      this.#step(undefined, Number.NEGATIVE_INFINITY)
    }
    const [lease] = await this.#database.query<Lease>(this.#statements.read)
    if (lease === undefined || this.#isClosed) return
    const now = performance.now()
    const seen = this.#seen
    if (seen?.lease.fence !== lease.fence || seen.lease.beats !== lease.beats) this.#seen = { lease, since: now }
    const isFree = lease.holder === null
    if (!isFree && now - (this.#seen?.since ?? now) < this.#leaseMs) return
    const [taken] = await this.#database.query<Lease>(this.#statements.take, [
      lease.fence,
      lease.beats,
      this.#holder,
      lease.fence + 1,
    ])
    if (taken !== undefined) this.#step(taken.fence, now + this.#leaseMs)
  }

  /** Leads with `fence` until `until`, or, without one, no longer. */
  #step(fence: number | undefined, until: number): void {
    this.#fence = fence
    this.#until = until
    this.#seen = undefined
    clearTimeout(this.#expiry)
    if (fence !== undefined) {
      this.#expiry = setTimeout(() => this.#tell(false), Math.max(0, until - performance.now()))
      this.#expiry.unref()
    }
    this.#tell(fence !== undefined)
  }

  #tell(isLeader: boolean): void {
    const { term } = this
    const told = this.#told
    if (told.isLeader === isLeader && told.term === term) return
    this.#told = { isLeader, term }
    if (told.isLeader !== isLeader) {
      this.#log.info({ is_leader: isLeader, fence: term }, isLeader ? 'this replica leads' : 'no longer leads')
    }
    for (const listener of this.#listeners) listener(isLeader)
  }
}

function statementsOf(schema: string): Readonly<Record<'renew' | 'read' | 'take' | 'hold' | 'release', Statement>> {
  const table = `${schema}.leadership`
  const named = (name: string, text: string): Statement => ({ name: `${schema}_leadership_${name}`, text })
  const next = 'beats = beats + 1, renewed_at = now()'
  return {
    renew: named('renew', `update ${table} set ${next} where fence = $1 returning fence`),
    read: named('read', `select fence, holder, beats from ${table}`),
    take: named(
      'take',
      `update ${table} set fence = $4, holder = $3, ${next} where fence = $1 and beats = $2 returning fence, holder, beats`,
    ),
    hold: named('hold', `select fence from ${table} where fence = $1 for key share`),
    release: named('release', `update ${table} set holder = null, ${next} where fence = $1 returning fence`),
  }
}
