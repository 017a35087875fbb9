import type { Queryable } from './database.ts'
import { assertSchemaName } from './migrate.ts'

/** By then after a migration, replicas of the version before it are taken to be gone. */
const REPLACED_AFTER = `interval '1 day'`

/**
 * Tells whether rows may be written in a form that only replicas which know `migration` can read: once it was recorded a
 * day ago, or at once where it ran together with the first one, since such a schema has no older replicas (ADR 15). The
 * answer is asked of the database until it is yes, and not again.
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
