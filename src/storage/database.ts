import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { type Log, silentLog } from '../observability/index.ts'
import { isStoreAway, isStoreSilent } from './away.ts'
import { type EmbeddedEngine, openEmbeddedEngine } from './embedded/engine.ts'
import { StorageError, StoreAwayError } from './errors.ts'
import { openPipelines, type Pipelines } from './pipelines.ts'
import { refuseTransactionPooling } from './pooler.ts'
import type { Statement } from './statement.ts'

/** Runs statements, inside or outside a transaction. */
export interface Queryable {
  /** The rows of one statement. bigint becomes a number, timestamptz a Date, and jsonb is parsed. */
  query<Row extends object>(statement: Statement | string, values?: readonly unknown[]): Promise<Row[]>
}

/** A PostgreSQL database, embedded or on a server, with the same SQL for both. */
export interface Database extends Queryable {
  readonly kind: 'embedded' | 'postgres'
  /**
   * Runs all statements of `work` or none. Keep slow work outside: the embedded engine has one session. `limitMs` is
   * for statements that are known to take longer. If the store becomes unavailable before the commit is sent, nothing
   * has happened; if it does so before the commit is acknowledged, the message of the {@link StoreAwayError} states
   * that the outcome is unknown.
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>, limitMs?: number): Promise<T>
  /** A typed query builder on the same connections. */
  kysely<Tables>(): Kysely<Tables>
  /** Notifies listeners of a channel in every process that uses this database. Delivered after commit, at most once. */
  notify(channel: string, payload: string, tx?: Queryable): Promise<void>
  /** Listens to a channel until the returned function is called. Messages sent while disconnected are lost. */
  listen(channel: string, hear: (payload: string) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

export type DatabaseLocation =
  | { readonly kind: 'postgres'; readonly url: string; readonly connections?: number }
  | {
      readonly kind: 'embedded'
      /** Undefined keeps everything in memory, for tests. */
      readonly dataDir: string | undefined
      readonly statementLimitMs?: number
      /** Receives the exits and restarts of the engine's process; by default they are not logged. */
      readonly log?: Log
    }

/** More pipelines would share too little, fewer would block each other. */
const PIPELINES = 4
const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 10_000
/** All callers share one session: this includes the wait for earlier statements, and a start on a slow disk. */
const EMBEDDED_LIMIT_MS = 30_000
/** A process that stalls inside a transaction must not keep other processes from the rows it has locked. */
const IDLE_TRANSACTION_TIMEOUT_MS = 15_000

const SET_LIMITS = `set statement_timeout = ${STATEMENT_TIMEOUT_MS};
  set idle_in_transaction_session_timeout = ${IDLE_TRANSACTION_TIMEOUT_MS}`

const parsers = new Map<number, (text: string) => unknown>([[20, Number]])
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return parsers.get(oid) ?? pg.types.getTypeParser(oid, format as 'text')
  },
} as unknown as pg.CustomTypesConfig

/**
 * Opens a database. Rejects with {@link StorageError} when it cannot be reached within 5 s, or is behind a pooler that
 * shares connections between transactions.
 */
export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  if (location.kind === 'embedded') {
    const limit = location.statementLimitMs ?? EMBEDDED_LIMIT_MS
    const engine = await openEmbeddedEngine(
      location.dataDir === undefined ? undefined : join(location.dataDir, 'pgdata'),
      { log: location.log ?? silentLog, abandonedLimitMs: limit / 2 },
    )
    const pool = new pg.Pool({
      max: 1,
      idleTimeoutMillis: 0,
      // These limits end the wait immediately; the engine's process is ended if a statement continues regardless.
      connectionTimeoutMillis: EMBEDDED_LIMIT_MS,
      query_timeout: limit,
      types,
      stream: () => engine.connect() as never,
    })
    return new PooledDatabase('embedded', pool, engine, undefined)
  }
  const settings: pg.ClientConfig = {
    connectionString: location.url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
    application_name: 'handover',
    keepAlive: true,
    types,
  }
  // Sent as statements, because PgBouncer rejects or drops them as start-up parameters.
  const setLimits = async (client: pg.ClientBase) => void (await client.query(SET_LIMITS))
  const pool = new pg.Pool({ ...settings, max: location.connections ?? 10, onConnect: setLimits })
  const pipelines = openPipelines(settings, PIPELINES, setLimits)
  const database = new PooledDatabase('postgres', pool, undefined, location.url, pipelines)
  try {
    await refuseTransactionPooling(settings)
    await database.query('select 1')
  } catch (error) {
    await database.close()
    if (error instanceof StorageError) throw error
    throw new StorageError(
      `cannot reach PostgreSQL (${(error as NodeJS.ErrnoException).code ?? 'connection failed'})`,
      {
        cause: error,
      },
    )
  }
  return database
}

class PooledDatabase implements Database {
  readonly kind: 'embedded' | 'postgres'
  readonly #pool: pg.Pool
  readonly #engine: EmbeddedEngine | undefined
  readonly #url: string | undefined
  readonly #pipelines: Pipelines | undefined
  readonly #local = new EventEmitter({}).setMaxListeners(0)
  readonly #listeners = new Set<() => Promise<void>>()

  constructor(
    kind: 'embedded' | 'postgres',
    pool: pg.Pool,
    engine: EmbeddedEngine | undefined,
    url: string | undefined,
    pipelines?: Pipelines,
  ) {
    this.kind = kind
    this.#pool = pool
    this.#engine = engine
    this.#url = url
    this.#pipelines = pipelines
    // The pool replaces a connection that dies while idle; the next statement that needs one reports the fault.
    pool.on('error', () => {})
  }

  query<Row extends object>(statement: Statement | string, values: readonly unknown[] = []): Promise<Row[]> {
    if (this.#pipelines !== undefined && typeof statement !== 'string' && statement.isBrief === true) {
      return this.#pipelines.query<Row>(statement, values)
    }
    return run<Row>(this.#pool, statement, values)
  }

  async transaction<T>(work: (tx: Queryable) => Promise<T>, limitMs?: number): Promise<T> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    // For a lost connection `pg` first reports the reason, and then only that it is lost.
    const onLost = (fault: Error) => {
      broken ??= fault
    }
    // The pool handles errors of idle connections only; without this handler, losing a connection in use would end the
    // process.
    client.on('error', onLost)
    const after: Array<[string, string]> = []
    const tx: Queryable & { after: Array<[string, string]> } = {
      // Once a connection is lost, `pg` only reports that it cannot be used; the original error is more informative.
      query: async (statement, values = []) => {
        if (broken) throw broken
        return run(client, statement, values, limitMs)
      },
      after,
    }
    try {
      await client.query('begin')
      if (limitMs !== undefined) await client.query(`set local statement_timeout = ${limitMs}`)
      const result = await work(tx)
      if (broken) throw broken
      await commit(client)
      for (const [channel, payload] of after) this.#local.emit(channel, payload)
      return result
    } catch (error) {
      // A silent server would not answer a rollback either; it rolls back when the connection ends.
      if (isStoreSilent(error)) broken = error
      else await client.query('rollback').catch(onLost)
      throw error
    } finally {
      client.off('error', onLost)
      client.release(broken)
    }
  }

  kysely<Tables>(): Kysely<Tables> {
    return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: this.#pool }) })
  }

  async notify(channel: string, payload: string, tx?: Queryable): Promise<void> {
    if (this.#engine) {
      const after = (tx as { after?: Array<[string, string]> } | undefined)?.after
      if (after) after.push([channel, payload])
      else queueMicrotask(() => this.#local.emit(channel, payload))
      return
    }
    await (tx ?? this).query('select pg_notify($1, $2)', [channel, payload])
  }

  async listen(channel: string, hear: (payload: string) => void): Promise<() => Promise<void>> {
    if (this.#engine || this.#url === undefined) {
      this.#local.on(channel, hear)
      return async () => {
        this.#local.off(channel, hear)
      }
    }
    const stop = await listenOnServer(this.#url, channel, hear)
    const stopOnce = async () => {
      this.#listeners.delete(stopOnce)
      await stop()
    }
    this.#listeners.add(stopOnce)
    return stopOnce
  }

  async close(): Promise<void> {
    for (const stop of this.#listeners) await stop()
    await this.#pipelines?.close()
    if (!this.#pool.ended) await this.#pool.end()
    await this.#engine?.close()
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  try {
    await client.query('commit')
  } catch (error) {
    // An error from the server is an answer: the transaction is rolled back.
    if (error instanceof pg.DatabaseError || !isStoreAway(error)) throw error
    const text = `${(error as Error).message} during a commit: whether it has happened is unknown`
    throw new StoreAwayError(text, { cause: error })
  }
}

async function run<Row extends object>(
  on: pg.Pool | pg.PoolClient,
  statement: Statement | string,
  values: readonly unknown[],
  limitMs?: number,
): Promise<Row[]> {
  const config = typeof statement === 'string' ? { text: statement } : { name: statement.name, text: statement.text }
  // The client's timeout is slightly longer than the server's, so that the server's own error arrives first.
  const limit = limitMs === undefined ? {} : { query_timeout: limitMs + 1_000 }
  const result = await on.query<Row>({ ...config, ...limit, values: values as unknown[] })
  return result.rows
}

const RECONNECT_MS = 500

/** Keeps one connection for LISTEN and replaces it when it is lost. */
async function listenOnServer(
  url: string,
  channel: string,
  hear: (payload: string) => void,
): Promise<() => Promise<void>> {
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const retry = () => {
    client = undefined
    if (stopped) return
    clearTimeout(timer)
    timer = setTimeout(() => void connect().catch(retry), RECONNECT_MS)
  }
  const connect = async () => {
    const next = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
    })
    next.on('error', retry)
    next.on('end', retry)
    next.on('notification', (message) => hear(message.payload ?? ''))
    await next.connect()
    await next.query(`listen ${pg.escapeIdentifier(channel)}`)
    // No other code would end a connection that is established after the stop.
    if (stopped) return next.end()
    client = next
  }
  await connect()
  return async () => {
    stopped = true
    clearTimeout(timer)
    await client?.end().catch(() => {})
  }
}
