import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Queryable } from './database.ts'
import { StorageError } from './errors.ts'

/** One forward step of a schema. Names sort in the order of application and never change after a release. */
export interface Migration {
  readonly name: string
  /** Statements, each ended by a semicolon at the end of a line, with `{schema}` in place of the schema's name. */
  readonly sql: string
}

/** For one statement of a migration, and for the wait while another replica migrates. */
const STATEMENT_LIMIT_MS = 10 * 60_000
/** A statement that waits for a table lock blocks all later ones, so a migration releases and retries. */
const TABLE_LOCK_LIMIT_MS = 2_000
const PAUSE_MS = 1_000
const ATTEMPTS = 30

/**
 * Brings `schema` up to date: runs all unrecorded migrations in one transaction. Of several replicas that start at the
 * same time one migrates and the others wait. Recorded migrations that are unknown here belong to a newer version and
 * are accepted, so that an old replica may start next to new ones. Returns the names of the migrations it ran. Rejects
 * with {@link StorageError} naming the migration that failed, and then rolls all of them back.
 */
export async function migrate(database: Database, schema: string, migrations: readonly Migration[]): Promise<string[]> {
  assertSchemaName(schema)
  const running = { name: 'set-up' }
  for (let attempt = 1; ; attempt++) {
    try {
      if ((await missing(database, schema, migrations)).length === 0) return []
      return await database.transaction((tx) => migrateIn(tx, schema, migrations, running), STATEMENT_LIMIT_MS)
    } catch (error) {
      if (!isTableBusy(error) || attempt === ATTEMPTS) {
        throw new StorageError(`migration ${running.name} of schema ${schema} failed`, { cause: error })
      }
      await sleep(PAUSE_MS * (0.5 + Math.random()))
    }
  }
}

async function migrateIn(
  tx: Queryable,
  schema: string,
  migrations: readonly Migration[],
  running: { name: string },
): Promise<string[]> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('handover migrations of ' || $1, 0))`, [schema])
  await tx.query(`set local lock_timeout = ${TABLE_LOCK_LIMIT_MS}`)
  // A statement that waited for the lock may still use an outdated catalog; only a query of the table itself is
  // reliable.
  const there = await tx.query('select 1 as there from pg_catalog.pg_namespace where nspname = $1', [schema])
  if (there.length === 0) await tx.query(`create schema ${schema}`)
  await tx.query(`create table if not exists ${schema}.migrations (name text primary key, timestamp text not null)`)
  const pending = await missing(tx, schema, migrations)
  const at = new Date().toISOString()
  for (const { name, sql } of pending) {
    running.name = name
    for (const statement of sql.replaceAll('{schema}', schema).split(/;\s*(?:\n|$)/)) {
      if (statement.trim() !== '') await tx.query(statement)
    }
    await tx.query(`insert into ${schema}.migrations (name, timestamp) values ($1, $2)`, [name, at])
  }
  return pending.map(({ name }) => name)
}

/** The migrations that have not run, in order. */
async function missing(on: Queryable, schema: string, migrations: readonly Migration[]): Promise<Migration[]> {
  const sorted = [...migrations].sort((a, b) => (a.name < b.name ? -1 : 1))
  const table = `${schema}.migrations`
  const [found] = await on.query<{ there: boolean }>('select to_regclass($1) is not null as there', [table])
  if (!found?.there) return sorted
  const rows = await on.query<{ name: string }>(`select name from ${table}`)
  const done = new Set(rows.map(({ name }) => name))
  return sorted.filter(({ name }) => !done.has(name))
}

const LOCK_NOT_AVAILABLE = '55P03'

function isTableBusy(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === LOCK_NOT_AVAILABLE
}

/** Schema names are inserted into SQL text, so they must be plain lower-case words. */
export function assertSchemaName(schema: string): void {
  if (!/^[a-z][a-z_]{0,62}$/.test(schema)) throw new TypeError(`not a schema name: ${schema}`)
}
