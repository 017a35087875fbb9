import type { Database, Queryable } from '../../../storage/index.ts'

/** The number of rows per table; the others follow from the tokens. */
export interface Scale {
  readonly tokens: number
}

/** The tables that no request may scan in full. */
export const BIG_TABLES = [
  'tokens',
  'grants',
  'device_grants',
  'challenges',
  'resource_owners',
  'security_events',
] as const

/**
 * Fills the tables of an IAM auth service as years of use would: for each 1,000,000 tokens 200,000 codes, 100,000
 * device codes, 200,000 events, 100,000 challenges, 100,000 users and 2,000 applications. Almost nothing is due for
 * purging. Ends with ANALYZE. Autovacuum stays off for these tables: it would count as a reader, since it reads new rows
 * in sequence for the BRIN index.
 */
export async function fill(database: Database, schema: string, { tokens }: Scale): Promise<void> {
  const handOff = `${schema}_handoff`
  const share = (part: number) => Math.max(1, Math.round(tokens * part))
  const users = share(0.1)
  const tables = [
    ...['applications', 'tokens', 'grants', 'device_grants', 'security_events'].map((table) => `${schema}.${table}`),
    ...['challenges', 'resource_owners'].map((table) => `${handOff}.${table}`),
  ]
  const statements = [
    ...tables.map((table) => `alter table ${table} set (autovacuum_enabled = false)`),
    `insert into ${schema}.applications (id, client_id, name, redirect_uris, scopes, confidential, trusted, version)
select 1000 + n, 'filled-' || n, 'Filled ' || n, '{https://filled.test/}', '{}', true, false, 1
from generate_series(1, ${share(0.002)}) n`,
    ...slices(tokens).map(
      ([from, to]) => `insert into ${schema}.tokens
  (access_hash, refresh_hash, family_id, application_id, subject, scopes, created_at, expires_in, revoked_at, revoke_reason)
select sha256(convert_to('a' || n, 'UTF8')), case when n % 10 < 8 then sha256(convert_to('r' || n, 'UTF8')) end,
  ('00000000-0000-4000-8000-' || lpad(to_hex(n / 4), 12, '0'))::uuid, 1001 + n % ${share(0.002)}, (10 + n % ${users})::text,
  (array['api', 'read_user', 'openid profile email'])[1 + n % 3],
  now() - (n::float8 / ${tokens}) * interval '1 hour' * case when n % 10 < 8 then 700 else 26.1 end, 7200,
  case when n % 10 < 4 then now() - (n::float8 / ${tokens}) * interval '700 hours' + interval '1 hour' end,
  case when n % 10 < 4 then 'rotated' end
from generate_series(${from}, ${to}) n`,
    ),
    `insert into ${schema}.grants
  (code_hash, application_id, subject, scopes, redirect_uri, family_id, created_at, expires_in, used_at)
select sha256(convert_to('g' || n, 'UTF8')), 1001 + n % ${share(0.002)}, (10 + n % ${users})::text, 'api',
  'https://filled.test/', gen_random_uuid(), now() - (n::float8 / ${share(0.2)}) * interval '71 minutes', 600, now()
from generate_series(1, ${share(0.2)}) n`,
    `insert into ${schema}.device_grants (device_hash, user_code_hash, application_id, scopes, created_at, expires_in)
select sha256(convert_to('d' || n, 'UTF8')), sha256(convert_to('u' || n, 'UTF8')), 1001 + n % ${share(0.002)}, 'api',
  now() - (n::float8 / ${share(0.1)}) * interval '66 minutes', 300 from generate_series(1, ${share(0.1)}) n`,
    `insert into ${schema}.security_events (occurred_at, kind, application_id, subject, family_id, tokens_revoked)
select now() - (n::float8 / ${share(0.2)}) * interval '390 days', 'refresh_token_reuse', 1001, '11', gen_random_uuid(), 1
from generate_series(1, ${share(0.2)}) n`,
    `insert into ${handOff}.challenges
  (challenge_hash, verifier_hash, kind, browser_hash, parameters, client_id, expires_at, created_at, outcome)
select sha256(convert_to('c' || n, 'UTF8')), sha256(convert_to('v' || n, 'UTF8')), 'login', sha256(convert_to('b' || n, 'UTF8')),
  repeat('x', 300), 'filled-1', now() + interval '10 minutes' - (n::float8 / ${share(0.1)}) * interval '71 minutes',
  now() - (n::float8 / ${share(0.1)}) * interval '71 minutes',
  case when n > ${share(0.01)} then '{}' end from generate_series(1, ${share(0.1)}) n`,
    `insert into ${handOff}.resource_owners (subject, username, name, email, auth_time)
select (10 + n)::text, 'user' || n, 'User ' || n, 'user' || n || '@filled.test', now() from generate_series(1, ${users}) n`,
    ...tables.map((table) => `analyze ${table}`),
  ]
  for (const statement of statements) await withoutLimit(database, (tx) => tx.query(statement))
}

/** Adds `count` access tokens that have long been due for purging. */
export async function addBacklog(database: Database, schema: string, count: number): Promise<void> {
  for (const [from, to] of slices(count)) {
    await withoutLimit(database, (tx) =>
      tx.query(`insert into ${schema}.tokens
  (access_hash, family_id, application_id, subject, scopes, created_at, expires_in)
select sha256(convert_to('old' || n, 'UTF8')), gen_random_uuid(), 1001, '11', 'api', now() - interval '3 days', 7200
from generate_series(${from}, ${to}) n`),
    )
  }
}

function slices(count: number): Array<readonly [from: number, to: number]> {
  const size = 100_000
  return Array.from({ length: Math.ceil(count / size) }, (_, at) => [at * size + 1, Math.min(count, (at + 1) * size)])
}

async function withoutLimit(database: Database, work: (tx: Queryable) => Promise<unknown>): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(`set local statement_timeout = '60s'`)
    await work(tx)
  })
}
