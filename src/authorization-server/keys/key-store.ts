import type { JsonWebKey } from 'node:crypto'
import type { Database, Queryable } from '../../storage/index.ts'
import { named } from '../store/statements.ts'
import type { ScheduledKey } from './schedule.ts'

/** A stored signing key; the private half is encrypted or plain PKCS #8, and empty once erased. */
export interface StoredKey extends ScheduledKey {
  readonly privateKey: Buffer
  readonly sealed: boolean
  readonly publicJwk: JsonWebKey
}

/** All keys, and the database's time when they were read, in milliseconds. */
export interface StoredKeys {
  readonly now: number
  readonly keys: readonly StoredKey[]
}

/** Changes to the stored keys, made by one process at a time. */
export interface KeyEdit {
  read(): Promise<StoredKeys>
  insert(key: Omit<StoredKey, 'publishedAt' | 'erased'>): Promise<void>
  schedule(kid: string, signsFrom: number): Promise<void>
  /** Erases the private half. */
  erase(kid: string): Promise<void>
  remove(kid: string): Promise<void>
}

/** The signing keys of a schema. */
export interface KeyStore {
  read(): Promise<StoredKeys>
  /** Runs all of `work` or nothing. No other process changes keys at the same time. */
  change<T>(work: (edit: KeyEdit) => Promise<T>): Promise<T>
  /** Replaces the private half `before` by a newly encrypted one; false when the stored value has changed. */
  reseal(kid: string, before: Buffer, after: Buffer): Promise<boolean>
}

/** Opens the signing keys of a schema. */
export function createKeyStore(database: Database, schema: string): KeyStore {
  const table = `${schema}.signing_keys`
  const milliseconds = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`
  const sql = named(schema, {
    lockKeys: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
    readKeys: `select ${milliseconds('clock_timestamp()')} as now, kid, algorithm, sealed,
  private_key as "privateKey", public_jwk as "publicJwk", ${milliseconds('created_at')} as "publishedAt",
  ${milliseconds('signs_from')} as "signsFrom", octet_length(private_key) = 0 as erased
from (select) as one left join ${table} on true order by created_at, kid`,
    insertKey: `insert into ${table} (kid, algorithm, private_key, sealed, public_jwk, created_at, signs_from)
values ($1, $2, $3, $4, $5, clock_timestamp(), $6) on conflict do nothing`,
    scheduleKey: `update ${table} set signs_from = $2 where kid = $1`,
    eraseKey: `update ${table} set private_key = '' where kid = $1`,
    removeKey: `delete from ${table} where kid = $1`,
    resealKey: `update ${table} set private_key = $3, sealed = true where kid = $1 and private_key = $2 returning kid`,
  })
  const read = async (on: Queryable): Promise<StoredKeys> => {
    const rows = await on.query<StoredKey & { now: number; kid: string | null }>(sql.readKeys)
    return { now: rows[0]?.now ?? 0, keys: rows.filter(({ kid }) => kid !== null) }
  }
  return {
    read: () => read(database),
    change: (work) =>
      database.transaction(async (tx) => {
        await tx.query(sql.lockKeys, [`${schema} signing keys`])
        return work(editOf(tx, sql, () => read(tx)))
      }),
    async reseal(kid, before, after) {
      return (await database.query(sql.resealKey, [kid, before, after])).length > 0
    },
  }
}

function editOf(
  tx: Queryable,
  sql: Readonly<Record<'insertKey' | 'scheduleKey' | 'eraseKey' | 'removeKey', { name: string; text: string }>>,
  read: () => Promise<StoredKeys>,
): KeyEdit {
  return {
    read,
    async insert(key) {
      const signsFrom = key.signsFrom === null ? null : new Date(key.signsFrom)
      const jwk = JSON.stringify(key.publicJwk)
      await tx.query(sql.insertKey, [key.kid, key.algorithm, key.privateKey, key.sealed, jwk, signsFrom])
    },
    async schedule(kid, signsFrom) {
      await tx.query(sql.scheduleKey, [kid, new Date(signsFrom)])
    },
    async erase(kid) {
      await tx.query(sql.eraseKey, [kid])
    },
    async remove(kid) {
      await tx.query(sql.removeKey, [kid])
    },
  }
}
