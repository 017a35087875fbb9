import type { Queryable } from './database.ts'
import { assertSchemaName } from './migrate.ts'

/** By this time after a migration, replicas of the previous version are assumed to be gone. */
const REPLACED_AFTER = `interval '1 day'`

/**
 * Whether rows may be written in a form that only replicas which know `migration` can read: once it was recorded a day
 * ago, or immediately when it ran together with the first migration, as such a schema has no older replicas (ADR 15).
 * Queries the database until the answer is yes, and then no more.
 */
export function formatSwitch(database: Queryable, schema: string, migration: string): () => Promise<boolean> {
  assertSchemaName(schema)
  const migrations = `${schema}.migrations`
  const statement = {
    name: `${schema}_format_${migration}`,
    text: `select timestamp::timestamptz <= now() - ${REPLACED_AFTER} or timestamp = (select min(timestamp) from ${migrations}) as may
from ${migrations} where name = $1`,
  }
  let mayWrite = false
  return async () => {
    if (!mayWrite) mayWrite = (await database.query<{ may: boolean }>(statement, [migration]))[0]?.may ?? false
    return mayWrite
  }
}
