import type { Application } from '../../applications/index.ts'
import type { ApplicationStore } from '../../authorization-server/index.ts'
import type { Database, Queryable } from '../../storage/index.ts'

/**
 * The result of a delivery: `stale` when the stored document or the remembered removal is the same version or newer;
 * `conflict` when another application has its id.
 */
export type Delivery =
  | { readonly kind: 'stored' }
  | { readonly kind: 'conflict' }
  /** `version` is that of the stored document or of the remembered removal. */
  | { readonly kind: 'stale'; readonly version: number; readonly isRemoved: boolean }

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
      if (error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION) return { kind: 'conflict' }
      throw error
    }
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

  /** The stored applications, ordered by id. */
  list(): Promise<ReadonlyArray<Pick<Application, 'id' | 'client_id' | 'version'>>> {
    return this.#applications.list()
  }

  /** Serialises deliveries of one application, even when no row exists for it yet. */
  async #lock(tx: Queryable, clientId: string): Promise<void> {
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`${this.#schema} application ${clientId}`])
  }
}
