import { sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Database } from './database.ts'
import { StorageError } from './errors.ts'

/** One forward step of a schema. Names sort in the order of application and never change once released. */
export interface Migration {
  readonly name: string
  /** Statements, each ended by a semicolon at the end of a line, with `{schema}` where the schema's name belongs. */
  readonly sql: string
}

/**
 * Brings `schema` up to date: what is not yet recorded runs in one transaction under a lock, so that several replicas
 * may start at once. Returns the names it ran. Rejects with {@link StorageError} naming the migration that failed.
 */
export async function migrate(database: Database, schema: string, migrations: readonly Migration[]): Promise<string[]> {
  assertSchemaName(schema)
  const steps = migrations.map(({ name, sql: text }) => {
    const statements = text.replaceAll('{schema}', schema).split(/;\s*(?:\n|$)/)
    const up = async (db: Parameters<ReturnType<typeof sql.raw>['execute']>[0]) => {
      for (const statement of statements) if (statement.trim() !== '') await sql.raw(statement).execute(db)
    }
    return [name, { up }] as const
  })
  const migrator = new Migrator({
    db: database.kysely<never>(),
    provider: { getMigrations: async () => Object.fromEntries(steps) },
    migrationTableSchema: schema,
    migrationTableName: 'migrations',
    migrationLockTableName: 'migrations_lock',
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error) {
    const failed = results?.find((result) => result.status === 'Error')?.migrationName ?? 'set-up'
    throw new StorageError(`migration ${failed} of schema ${schema} failed`, { cause: error })
  }
  return (results ?? []).map((result) => result.migrationName)
}

/** Schema names go into SQL text as they are, so they are held to plain lower-case words. */
export function assertSchemaName(schema: string): void {
  if (!/^[a-z][a-z_]{0,62}$/.test(schema)) throw new TypeError(`not a schema name: ${schema}`)
}
