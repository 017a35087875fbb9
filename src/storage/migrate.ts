import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Queryable } from './database.ts'
import { StorageError } from './errors.ts'

/** One forward step of a schema. Names sort in the order of application and never change once released. */
export interface Migration {
  readonly name: string
  /** Statements, each ended by a semicolon at the end of a line, with `{schema}` where the schema's name belongs. */
  readonly sql: string
}

/** For one statement of a migration, and for the wait while another replica migrates. */
const STATEMENT_LIMIT_MS = 10 * 60_000
/** Whoever waits for a table keeps all who come after waiting too, so a migration gives way and tries again. */
const TABLE_LOCK_LIMIT_MS = 2_000
const PAUSE_MS = 1_000
const ATTEMPTS = 30

/**
 * Brings `schema` up to date: what is not yet recorded runs in one transaction. Of several replicas that start at once
 * one migrates and the others wait for it. Migrations that are recorded but not known here belong to a newer version
 * and are no fault, so that an old replica may start beside new ones. Returns the names it ran. Rejects with
 * {@link StorageError} naming the migration that failed, and then nothing of them has happened.
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
  // What waited for the lock may still hold the catalog of before it; only a look into the table itself is sure.
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

/** The migrations that have not been run, in their order. */
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

/** Schema names go into SQL text as they are, so they are held to plain lower-case words. */
export function assertSchemaName(schema: string): void {
  if (!/^[a-z][a-z_]{0,62}$/.test(schema)) throw new TypeError(`not a schema name: ${schema}`)
}
