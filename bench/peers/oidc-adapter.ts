import pg from 'pg'
import type { Queryable, Statement } from '../../src/storage/index.ts'

/** The connection that runs the adapter's statements. */
export interface OidcQueries extends Queryable {
  close(): Promise<void>
}

/** Connections of `pg`'s pool, with statements prepared by name. */
export function pooledQueries(url: string): OidcQueries {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  return {
    async query<Row extends object>(statement: Statement | string, values: readonly unknown[] = []) {
      const config = typeof statement === 'string' ? { text: statement } : statement
      return (await pool.query<Row>({ ...config, values: values as unknown[] })).rows
    },
    close: () => pool.end(),
  }
}

interface Payload {
  readonly [member: string]: unknown
  readonly grantId?: string
  readonly userCode?: string
  readonly uid?: string
}

const TABLE = `
create schema if not exists oidc;
create table if not exists oidc.models (
  key text primary key,
  payload json not null,
  grant_id text,
  user_code text,
  uid text,
  expires_at timestamptz,
  consumed_at integer
);
create index if not exists models_by_grant on oidc.models (grant_id) where grant_id is not null;
create index if not exists models_by_user_code on oidc.models (user_code) where user_code is not null;
create index if not exists models_by_uid on oidc.models (uid) where uid is not null`

/** Creates the single table that stores every model of oidc-provider. */
export async function oidcTable(database: Queryable): Promise<void> {
  for (const statement of TABLE.split(';')) await database.query(statement)
}

const statement = (name: string, text: string): Statement => ({ name: `oidc_${name}`, text, isBrief: true })
const FOUND = 'select payload, consumed_at from oidc.models'
const UPSERT = statement(
  'upsert',
  `insert into oidc.models (key, payload, grant_id, user_code, uid, expires_at)
values ($1, $2, $3, $4, $5, now() + $6 * interval '1 second')
on conflict (key) do update set payload = excluded.payload, expires_at = excluded.expires_at`,
)
const FIND = statement('find', `${FOUND} where key = $1`)
const FIND_BY_USER_CODE = statement('find_by_user_code', `${FOUND} where user_code = $1`)
const FIND_BY_UID = statement('find_by_uid', `${FOUND} where uid = $1`)
const CONSUME = statement(
  'consume',
  'update oidc.models set consumed_at = $2 where key = $1 and consumed_at is null returning key',
)
const DESTROY = statement('destroy', 'delete from oidc.models where key = $1')
const REVOKE = statement('revoke', 'delete from oidc.models where grant_id = $1')

/**
 * oidc-provider's adapter on PostgreSQL: one statement for each of its seven methods; of concurrent uses of one
 * credential one wins, as in our store.
 */
export function oidcAdapter(database: Queryable) {
  const find = async (by: Statement, value: string) => {
    const [row] = await database.query<{ payload: Payload; consumed_at: number | null }>(by, [value])
    if (row === undefined) return undefined
    return row.consumed_at === null ? row.payload : { ...row.payload, consumed: row.consumed_at }
  }
  return (model: string) => ({
    async upsert(id: string, payload: Payload, expiresIn: number): Promise<void> {
      const { grantId = null, userCode = null, uid = null } = payload
      await database.query(UPSERT, [`${model}:${id}`, JSON.stringify(payload), grantId, userCode, uid, expiresIn])
    },
    find: (id: string) => find(FIND, `${model}:${id}`),
    findByUserCode: (userCode: string) => find(FIND_BY_USER_CODE, userCode),
    findByUid: (uid: string) => find(FIND_BY_UID, uid),
    async consume(id: string): Promise<void> {
      const won = await database.query(CONSUME, [`${model}:${id}`, Math.floor(Date.now() / 1_000)])
      if (won.length === 0) throw new Error('consumed before')
    },
    async destroy(id: string): Promise<void> {
      await database.query(DESTROY, [`${model}:${id}`])
    },
    async revokeByGrantId(grantId: string): Promise<void> {
      await database.query(REVOKE, [grantId])
    },
  })
}
