import type { Database, Statement } from '../../storage/index.ts'
import { digestOf } from './digest.ts'
import { hasEnded } from './ended-subjects.ts'
import { namedBrief } from './statements.ts'

/** An access token as stored, valid or not. */
export interface AccessToken {
  readonly id: number
  readonly applicationId: number | null
  /** Null for a token without a client. */
  readonly clientId: string | null
  /** Null for client_credentials. */
  readonly subject: string | null
  readonly scopes: readonly string[]
  readonly createdAt: Date
  /** Seconds. */
  readonly expiresIn: number
  readonly revoked: boolean
  readonly expired: boolean
}

/** A stored pair of access and refresh token. Times are milliseconds since the epoch. */
export interface StoredToken {
  readonly id: number
  readonly familyId: string
  readonly applicationId: number | null
  /** Null for a token without a client. */
  readonly clientId: string | null
  readonly subject: string | null
  readonly scopes: string
  readonly createdAt: number
  readonly expiresIn: number
  readonly revokedAt: number | null
  readonly revokeReason: string | null
}

/** The credentials of a pair to be stored, and their lifetime. */
export interface NewPair {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly now: number
  readonly lifetime: number
}

/** The owner of a first pair. */
export interface NewTokenOwner {
  readonly familyId: string
  readonly applicationId: number | null
  readonly subject: string | null
  readonly scopes: string
}

/** The tokens table of a schema. */
export interface TokenStore {
  insert(pair: NewPair, owner: NewTokenOwner): Promise<void>
  /** Consumes a code and stores its pair in one statement; false when the code was already used (RFC 6749 §4.1.2). */
  exchangeCode(codeHash: Buffer, pair: NewPair): Promise<boolean>
  /** Consumes an approved device code and stores its pair, likewise. */
  exchangeDevice(deviceHash: Buffer, familyId: string, pair: NewPair): Promise<boolean>
  /** Revokes a pair and stores its successor in one statement; false when the pair was already revoked. */
  rotate(id: number, scopes: string, pair: NewPair): Promise<boolean>
  findByAccess(token: string): Promise<StoredToken | undefined>
  findByRefresh(token: string): Promise<StoredToken | undefined>
  /** Looks the token up as an access token first, then as a refresh token. */
  findByEither(token: string): Promise<StoredToken | undefined>
  /** Revokes a pair and everything it has been rotated into since it was read (RFC 7009 §2.1). */
  revoke(token: StoredToken, now: number): Promise<void>
  /** The distinct scope sets of a user's unrevoked tokens for an application. */
  grantedScopes(applicationId: number, subject: string): Promise<string[]>
}

/** Opens the tokens of a schema. */
export function createTokenStore(database: Database, schema: string): TokenStore {
  const sql = statementsOf(schema)
  const find = async (statement: Statement, token: string) =>
    (await database.query<StoredToken>(statement, [digestOf(token)]))[0]
  const succeeded = async (statement: Statement, values: unknown[]) =>
    (await database.query(statement, values)).length > 0
  return {
    async insert(pair, owner) {
      await database.query(sql.insert, [
        ...pairValues(pair),
        owner.familyId,
        owner.applicationId,
        owner.subject,
        owner.scopes,
      ])
    },
    exchangeCode: (codeHash, pair) => succeeded(sql.exchangeCode, [...pairValues(pair), codeHash]),
    exchangeDevice: (deviceHash, familyId, pair) =>
      succeeded(sql.exchangeDevice, [...pairValues(pair), deviceHash, familyId]),
    rotate: (id, scopes, pair) => succeeded(sql.rotate, [...pairValues(pair), id, scopes]),
    findByAccess: (token) => find(sql.findByAccess, token),
    findByRefresh: (token) => find(sql.findByRefresh, token),
    findByEither: (token) => find(sql.findByEither, token),
    async revoke(token, now) {
      if (await succeeded(sql.revoke, [token.id, new Date(now)])) return
      if (token.revokedAt === null) await database.query(sql.revokeFamily, [token.familyId, new Date(now)])
    },
    async grantedScopes(applicationId, subject) {
      const rows = await database.query<{ scopes: string }>(sql.grantedScopes, [applicationId, subject])
      return rows.map((row) => row.scopes)
    },
  }
}

/** $1 to $4 of every statement that stores a pair. */
function pairValues(pair: NewPair): unknown[] {
  return [
    digestOf(pair.accessToken),
    pair.refreshToken === undefined ? null : digestOf(pair.refreshToken),
    new Date(pair.now),
    pair.lifetime,
  ]
}

type StatementName =
  | 'insert'
  | 'exchangeCode'
  | 'exchangeDevice'
  | 'rotate'
  | 'findByAccess'
  | 'findByRefresh'
  | 'findByEither'
  | 'revoke'
  | 'revokeFamily'
  | 'grantedScopes'

function statementsOf(schema: string): Readonly<Record<StatementName, Statement>> {
  const tokens = `${schema}.tokens`
  const store = `insert into ${tokens}
  (access_hash, refresh_hash, created_at, expires_in, family_id, application_id, subject, scopes)`
  // A grant in flight during the removal of its application may have stored a pair; it has no owner, so it is invalid.
  const select = `select t.id, t.family_id as "familyId", t.application_id as "applicationId", a.client_id as "clientId",
  t.subject, t.scopes, (extract(epoch from t.created_at) * 1000)::float8 as "createdAt", t.expires_in as "expiresIn",
  (extract(epoch from coalesce(t.revoked_at, ended.ended_at)) * 1000)::float8 as "revokedAt", t.revoke_reason as "revokeReason"
from ${tokens} t left join ${schema}.applications a on a.id = t.application_id
left join ${hasEnded(schema, 't')}
where (t.application_id is null or a.id is not null)`
  const texts: Record<StatementName, string> = {
    insert: `${store} values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    exchangeCode: `with used as (
  update ${schema}.grants set used_at = $3 where code_hash = $5 and used_at is null
  returning family_id, application_id, subject, scopes
)
${store} select $1, $2, $3, $4, family_id, application_id, subject, scopes from used returning id`,
    exchangeDevice: `with used as (
  delete from ${schema}.device_grants where device_hash = $5 and subject is not null and user_code_hash is null
  returning application_id, subject, scopes
)
${store} select $1, $2, $3, $4, $6::uuid, application_id, subject, scopes from used returning id`,
    rotate: `with used as (
  update ${tokens} set revoked_at = $3, revoke_reason = 'rotated' where id = $5 and revoked_at is null
  returning family_id, application_id, subject
)
${store} select $1, $2, $3, $4, family_id, application_id, subject, $6 from used returning id`,
    findByAccess: `${select} and t.access_hash = $1`,
    findByRefresh: `${select} and t.refresh_hash = $1`,
    findByEither: `${select} and (t.access_hash = $1 or t.refresh_hash = $1) order by (t.access_hash = $1) desc limit 1`,
    revoke: `update ${tokens} set revoked_at = $2, revoke_reason = 'revoked' where id = $1 and revoked_at is null
returning id`,
    revokeFamily: `select ${schema}.revoke_family($1, 'revoked', $2)`,
    grantedScopes: `select distinct t.scopes from ${tokens} t left join ${hasEnded(schema, 't')}
where t.subject = $2 and t.application_id = $1 and t.revoked_at is null and ended.subject is null`,
  }
  return namedBrief(schema, texts)
}
