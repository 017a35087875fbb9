import { hkdfSync, randomBytes } from 'node:crypto'
import { assertSchemaName, type Database } from '../../storage/index.ts'

/**
 * The 32 bytes that encrypt session cookies: derived from `stateKey` when configured, else generated at the first start
 * and kept in the store, so that replicas and restarts share it.
 */
export async function sessionKey(
  database: Database,
  schema: string,
  stateKey: Uint8Array | undefined,
): Promise<Uint8Array> {
  if (stateKey) return new Uint8Array(hkdfSync('sha256', stateKey, '', 'handover monolith session', 32))
  assertSchemaName(schema)
  await database.query(`insert into ${schema}.keys (name, value) values ('session', $1) on conflict do nothing`, [
    randomBytes(32),
  ])
  const [row] = await database.query<{ value: Buffer }>(`select value from ${schema}.keys where name = 'session'`)
  if (!row) throw new Error('the session key is missing from the database')
  return row.value
}
