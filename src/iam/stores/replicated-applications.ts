import type { Application, RangeDigest } from '../../applications/index.ts'
import type { ApplicationStore, IdRange, StoredVersion } from '../../authorization-server/index.ts'
import { type Database, isStoreAway, type Queryable } from '../../storage/index.ts'

/**
 * The result of a delivery: `stale` when the stored document or the remembered removal is the same version or newer;
 * `conflict` when another application has its id.
 */
export type Delivery =
  | { readonly kind: 'stored' }
  | { readonly kind: 'conflict' }
  /** `version` is that of the stored document or of the remembered removal. */
  | { readonly kind: 'stale'; readonly version: number; readonly isRemoved: boolean }

/** The result of a document of a batch. */
export type BatchDelivery =
  | Delivery
  /** An earlier document of the same batch has its client_id and another id. */
  | { readonly kind: 'taken'; readonly by: number }
  /** The database refuses this document alone. */
  | { readonly kind: 'unstorable' }

const UNIQUE_VIOLATION = '23505'

/**
 * The replicated applications. Documents may arrive late, twice or out of order. A removal is remembered by its
 * version, so that an older document that arrives after it cannot restore the application.
 */
export class ReplicatedApplications {
  readonly #database: Database
  readonly #applications: ApplicationStore
  readonly #schema: string

  constructor(database: Database, schema: string, applications: ApplicationStore) {
    this.#database = database
    this.#schema = schema
    this.#applications = applications
  }

  /** Stores a document unless it is stale. */
  async put(application: Application): Promise<Delivery> {
    try {
      return await this.#put(application)
    } catch (error) {
      if (codeOf(error) === UNIQUE_VIOLATION) return { kind: 'conflict' }
      throw error
    }
  }

  /**
   * Stores many documents in one transaction; the results have their order. Of several documents of one application the
   * newest counts, wherever it stands. When the database refuses them together, it is asked for each of them alone.
   */
  async putAll(applications: readonly Application[]): Promise<readonly BatchDelivery[]> {
    const { newest, rivals } = newestOf(applications)
    const deliveries = await this.#putNewest([...newest.values()])
    return applications.map((application): BatchDelivery => {
      const by = rivals.get(application)
      if (by !== undefined) return { kind: 'taken', by }
      const chosen = newest.get(application.client_id)
      if (chosen === application) return deliveries.get(application.client_id) ?? { kind: 'unstorable' }
      return { kind: 'stale', version: chosen?.version ?? application.version, isRemoved: false }
    })
  }

  async #putNewest(applications: readonly Application[]): Promise<ReadonlyMap<string, BatchDelivery>> {
    try {
      return await this.#database.transaction((tx) => this.#putTogether(tx, applications))
    } catch (error) {
      // An error without a code did not come from the database.
      if (isStoreAway(error) || codeOf(error) === undefined) throw error
      return this.#putOneByOne(applications)
    }
  }

  async #putTogether(tx: Queryable, applications: readonly Application[]): Promise<ReadonlyMap<string, BatchDelivery>> {
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [this.#everything])
    const removals = await tx.query<{ client_id: string; version: number }>(
      `select client_id, version from ${this.#schema}.removed_applications where client_id = any($1)`,
      [applications.map(({ client_id }) => client_id)],
    )
    const removed = new Map(removals.map(({ client_id, version }) => [client_id, version]))
    const isLate = ({ client_id, version }: Application) => (removed.get(client_id) ?? 0) >= version
    const due = applications.filter((application) => !isLate(application))
    const stored = await this.#applications.upsertAll(due, tx)
    const passed = due.filter(({ client_id }) => !stored.has(client_id)).map(({ client_id }) => client_id)
    const held = passed.length === 0 ? new Map() : await this.#applications.versionsOf(passed, tx)
    return new Map(
      applications.map((application): [string, BatchDelivery] => {
        const { client_id, version } = application
        if (stored.has(client_id)) return [client_id, { kind: 'stored' }]
        if (!isLate(application))
          return [client_id, { kind: 'stale', version: held.get(client_id) ?? version, isRemoved: false }]
        return [client_id, { kind: 'stale', version: removed.get(client_id) ?? version, isRemoved: true }]
      }),
    )
  }

  async #putOneByOne(applications: readonly Application[]): Promise<ReadonlyMap<string, BatchDelivery>> {
    const deliveries = new Map<string, BatchDelivery>()
    for (const application of applications) {
      const delivery = await this.put(application).catch((error: unknown): BatchDelivery => {
        if (isStoreAway(error) || codeOf(error) === undefined) throw error
        return { kind: 'unstorable' }
      })
      deliveries.set(application.client_id, delivery)
    }
    return deliveries
  }

  #put(application: Application): Promise<Delivery> {
    return this.#database.transaction(async (tx) => {
      await this.#lock(tx, application.client_id)
      const [removed] = await tx.query<{ version: number }>(
        `select version from ${this.#schema}.removed_applications where client_id = $1`,
        [application.client_id],
      )
      if (removed && removed.version >= application.version) {
        return { kind: 'stale', version: removed.version, isRemoved: true }
      }
      if (await this.#applications.upsert(application, tx)) return { kind: 'stored' }
      // Under the lock, so no other process has changed it since.
      const held = await this.#applications.find(application.client_id, tx)
      return { kind: 'stale', version: held?.version ?? application.version, isRemoved: false }
    })
  }

  /** Removes an application and its tokens, unless a newer document is stored; true when something was removed. */
  remove(clientId: string, version: number): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      await this.#lock(tx, clientId)
      await tx.query(
        `insert into ${this.#schema}.removed_applications as held (client_id, version) values ($1, $2)
on conflict (client_id) do update set version = greatest(held.version, excluded.version), removed_at = now()`,
        [clientId, version],
      )
      return this.#applications.remove(clientId, version, tx)
    })
  }

  /** Up to `limit` stored applications of a range, ordered by id. */
  page(range: IdRange, limit: number): Promise<readonly StoredVersion[]> {
    return this.#applications.page(range, limit)
  }

  /** The digests of the ranges between these bounds. */
  digests(bounds: readonly number[]): Promise<readonly RangeDigest[]> {
    return this.#applications.digests(bounds)
  }

  /**
   * Serialises deliveries of one application, even when no row exists for it yet, and keeps them apart from batches,
   * which take the first of the two locks alone.
   */
  async #lock(tx: Queryable, clientId: string): Promise<void> {
    await tx.query(
      `select pg_advisory_xact_lock_shared(hashtextextended($1, 0)), pg_advisory_xact_lock(hashtextextended($2, 0))`,
      [this.#everything, `${this.#schema} application ${clientId}`],
    )
  }

  get #everything(): string {
    return `${this.#schema} applications`
  }
}

/**
 * The newest document of each client_id; of equal versions the first. `rivals` are the documents whose client_id an
 * earlier one with another id has.
 */
function newestOf(applications: readonly Application[]) {
  const newest = new Map<string, Application>()
  const rivals = new Map<Application, number>()
  for (const application of applications) {
    const held = newest.get(application.client_id)
    if (held !== undefined && held.id !== application.id) rivals.set(application, held.id)
    else if (held === undefined || held.version < application.version) newest.set(application.client_id, application)
  }
  return { newest, rivals }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}
