import type { Database, Queryable, Statement } from '../../storage/index.ts'
import { named } from './statements.ts'

/** What can be revoked: a pair of access and refresh token counts as one, a code and a device code each on its own. */
export const CREDENTIAL_KINDS = ['tokens', 'codes', 'device_codes'] as const
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number]

/** The number of live credentials of one kind, and the first and last expiry. Null when there is none. */
export interface LiveCount {
  readonly count: number
  readonly earliestExpiry: Date | null
  readonly latestExpiry: Date | null
}

/** The live credentials of one application. Refresh tokens never expire, so they only have a count. */
export interface LiveCredentials {
  readonly applicationId: number
  readonly clientId: string
  readonly name: string
  readonly accessTokens: LiveCount
  readonly refreshTokens: { readonly count: number; readonly families: number }
  readonly codes: LiveCount
  readonly deviceCodes: LiveCount
}

/** The credentials that one batch revoked. `isDone` when no live credential of these kinds remains. */
export interface RevokedBatch {
  readonly tokens: number
  readonly codes: number
  readonly deviceCodes: number
  readonly isDone: boolean
}

/** Lists and revokes each application's live credentials. `now` is in milliseconds since the epoch. */
export interface LiveCredentialStore {
  /** Up to `limit` applications with an id above `after`, ordered by id; with `clientId`, only that application. */
  list(page: { after: number; limit: number; clientId: string | undefined }, now: number): Promise<LiveCredentials[]>
  /** Revokes up to 5,000 of each kind and records that; does nothing when none is live. */
  revoke(application: RevokedApplication, kinds: readonly CredentialKind[], now: number): Promise<RevokedBatch>
}

/** The application that loses its credentials. */
export interface RevokedApplication {
  readonly id: number
  readonly clientId: string
}

const BATCH = 5_000
const STATEMENT_LIMIT_MS = 7_000

const EXPIRY = 'created_at + make_interval(secs => expires_in)'

/** Opens the live credentials of a schema. */
export function createLiveCredentialStore(database: Database, schema: string): LiveCredentialStore {
  const sql = statementsOf(schema)
  const bounded = <Result>(work: (tx: Queryable) => Promise<Result>) =>
    database.transaction(async (tx) => {
      await tx.query(sql.boundByIndex)
      return work(tx)
    })
  return {
    async list({ after, limit, clientId }, now) {
      const rows = await bounded((tx) =>
        tx.query<LiveRow>(sql.liveCredentials, [after, clientId ?? null, limit, new Date(now)]),
      )
      return rows.map(fromRow)
    },
    revoke: ({ id, clientId }, kinds, now) =>
      bounded(async (tx) => {
        const ended = async (kind: CredentialKind, statement: Statement) =>
          kinds.includes(kind) ? (await tx.query(statement, [id, new Date(now)])).length : 0
        const tokens = await ended('tokens', sql.revokeTokens)
        const codes = await ended('codes', sql.revokeCodes)
        const deviceCodes = await ended('device_codes', sql.revokeDevices)
        if (tokens + codes + deviceCodes > 0) {
          await tx.query(sql.recordRevocation, [id, clientId, tokens + codes + deviceCodes])
        }
        const [left] = await tx.query<{ lives: boolean }>(sql.hasLiveLeft, [id, new Date(now), [...kinds]])
        return { tokens, codes, deviceCodes, isDone: left?.lives !== true }
      }),
  }
}

interface LiveRow {
  readonly id: number
  readonly client_id: string
  readonly name: string
  readonly access: number
  readonly access_first: Date | null
  readonly access_last: Date | null
  readonly refresh: number
  readonly families: number
  readonly codes: number
  readonly codes_first: Date | null
  readonly codes_last: Date | null
  readonly devices: number
  readonly devices_first: Date | null
  readonly devices_last: Date | null
}

function fromRow(row: LiveRow): LiveCredentials {
  return {
    applicationId: row.id,
    clientId: row.client_id,
    name: row.name,
    accessTokens: { count: row.access, earliestExpiry: row.access_first, latestExpiry: row.access_last },
    refreshTokens: { count: row.refresh, families: row.families },
    codes: { count: row.codes, earliestExpiry: row.codes_first, latestExpiry: row.codes_last },
    deviceCodes: { count: row.devices, earliestExpiry: row.devices_first, latestExpiry: row.devices_last },
  }
}

type StatementName =
  | 'boundByIndex'
  | 'liveCredentials'
  | 'revokeTokens'
  | 'revokeCodes'
  | 'revokeDevices'
  | 'recordRevocation'
  | 'hasLiveLeft'

function statementsOf(schema: string): Readonly<Record<StatementName, Statement>> {
  const tokens = `${schema}.tokens`
  const grants = `${schema}.grants`
  const devices = `${schema}.device_grants`
  const isLive = (now: string) => `revoked_at is null and (refresh_hash is not null or ${EXPIRY} >= ${now})`
  const live = (name: string) =>
    `count(*)::integer as ${name}, min(${EXPIRY}) as ${name}_first, max(${EXPIRY}) as ${name}_last`
  const accessLives = `filter (where ${EXPIRY} >= $4)`
  // A row that a grant is consuming at the moment is left to the next batch.
  const remove = (table: string, key: string, when: string) =>
    `delete from ${table} where ${key} = any(array(
  select ${key} from ${table} where application_id = $1 and ${when} limit ${BATCH} for update skip locked)) returning 1`
  return named<StatementName>(schema, {
    boundByIndex: `select set_config('enable_seqscan', 'off', true),
  set_config('statement_timeout', '${STATEMENT_LIMIT_MS}', true)`,
    liveCredentials: `select a.id, a.client_id, a.name, t.*, g.*, d.*
from (
  select id, client_id, name from ${schema}.applications
  where id > $1 and ($2::text is null or client_id = $2) order by id limit $3
) a
cross join lateral (
  select (count(*) ${accessLives})::integer as access, min(${EXPIRY}) ${accessLives} as access_first,
    max(${EXPIRY}) ${accessLives} as access_last, count(refresh_hash)::integer as refresh,
    (count(distinct family_id) filter (where refresh_hash is not null))::integer as families
  from ${tokens} where application_id = a.id and ${isLive('$4')}
) t
cross join lateral (
  select ${live('codes')} from ${grants} where application_id = a.id and used_at is null and ${EXPIRY} >= $4
) g
cross join lateral (
  select ${live('devices')} from ${devices} where application_id = a.id and ${EXPIRY} >= $4
) d
order by a.id`,
    revokeTokens: `update ${tokens} set revoked_at = $2, revoke_reason = 'revoked' where id = any(array(
  select id from ${tokens} where application_id = $1 and ${isLive('$2')} limit ${BATCH} for update skip locked))
returning 1`,
    revokeCodes: remove(grants, 'code_hash', `used_at is null and ${EXPIRY} >= $2`),
    revokeDevices: remove(devices, 'device_hash', `${EXPIRY} >= $2`),
    recordRevocation: `insert into ${schema}.security_events (kind, application_id, client_id, tokens_revoked)
values ('credentials_revoked', $1, $2, $3)`,
    hasLiveLeft: `select ('tokens' = any($3::text[]) and exists (
    select from ${tokens} where application_id = $1 and ${isLive('$2')}))
  or ('codes' = any($3::text[]) and exists (
    select from ${grants} where application_id = $1 and used_at is null and ${EXPIRY} >= $2))
  or ('device_codes' = any($3::text[]) and exists (
    select from ${devices} where application_id = $1 and ${EXPIRY} >= $2)) as lives`,
  })
}
