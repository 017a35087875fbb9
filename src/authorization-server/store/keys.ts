import type { JsonWebKey } from 'node:crypto'
import type { Database } from '../../storage/index.ts'
import { named } from './statements.ts'

/** A signing key as stored; the private half is sealed or PKCS #8. */
export interface StoredKey {
  readonly kid: string
  readonly state: 'active' | 'retired'
  readonly privateKey: Buffer
  readonly sealed: boolean
  readonly publicJwk: JsonWebKey
}

/** The signing keys of a schema. */
export interface KeyStore {
  /** The active key first, then the retired ones, newest first. */
  list(): Promise<StoredKey[]>
  /** Does nothing when another active key is there already. */
  insertActive(key: Omit<StoredKey, 'state'>, now: number): Promise<void>
  replacePrivate(kid: string, privateKey: Buffer): Promise<void>
}

/** Opens the signing keys of a schema. */
export function createKeyStore(database: Database, schema: string): KeyStore {
  const keys = `${schema}.signing_keys`
  const sql = named(schema, {
    listKeys: `select kid, state, private_key as "privateKey", sealed, public_jwk as "publicJwk" from ${keys}
order by state, created_at desc`,
    insertKey: `insert into ${keys} (kid, state, private_key, sealed, public_jwk, created_at)
values ($1, 'active', $2, $3, $4, $5) on conflict do nothing`,
    sealKey: `update ${keys} set private_key = $2, sealed = true where kid = $1 and not sealed`,
  })
  return {
    list: () => database.query<StoredKey>(sql.listKeys),
    async insertActive(key, now) {
      const jwk = JSON.stringify(key.publicJwk)
      await database.query(sql.insertKey, [key.kid, key.privateKey, key.sealed, jwk, new Date(now)])
    },
    async replacePrivate(kid, privateKey) {
      await database.query(sql.sealKey, [kid, privateKey])
    },
  }
}
