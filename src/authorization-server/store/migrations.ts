import type { Migration } from '../../storage/index.ts'

/**
 * Revokes the live pairs of a family and returns their number. A single update is not enough: it skips a pair when that
 * pair's rotation commits while the update waits, and does not see the successor. So it repeats until no live pair
 * remains. After that none can appear, because a rotation needs a committed live pair. It is on one line because a
 * semicolon at the end of a line ends a statement.
 */
const REVOKE_FAMILY = [
  '$$ declare total integer := 0; affected integer; begin loop',
  'update {schema}.tokens set revoked_at = at, revoke_reason = reason where family_id = family and revoked_at is null;',
  'get diagnostics affected = row_count; total := total + affected;',
  'exit when not exists (select from {schema}.tokens where family_id = family and revoked_at is null);',
  'end loop; return total; end $$',
].join(' ')

/** From this migration on, nonces are encrypted; see `formatSwitch`. */
export const SEALED_NONCES = '0009_sealed_nonces'

/**
 * The tables of an authorization server. Codes, tokens and device codes are stored only as SHA-256. A pair of access
 * and refresh token is one row; `family_id` identifies all rows that descend from one grant.
 */
export const authorizationMigrations: readonly Migration[] = [
  {
    name: '0001_authorization_server',
    sql: `
create sequence {schema}.application_ids;
create table {schema}.applications (
  id bigint not null unique,
  client_id text primary key,
  name text not null,
  secret_digest text,
  redirect_uris text[] not null,
  scopes text[] not null,
  confidential boolean not null,
  trusted boolean not null,
  version bigint not null
);
create table {schema}.grants (
  code_hash bytea primary key,
  application_id bigint not null,
  subject text not null,
  scopes text not null,
  redirect_uri text not null,
  code_challenge text,
  code_challenge_method text,
  nonce text,
  family_id uuid not null,
  created_at timestamptz not null,
  expires_in integer not null,
  used_at timestamptz
);
create index grants_by_age on {schema}.grants (created_at);
create table {schema}.tokens (
  id bigint generated always as identity primary key,
  access_hash bytea not null unique,
  refresh_hash bytea,
  family_id uuid not null,
  application_id bigint,
  subject text,
  scopes text not null,
  created_at timestamptz not null,
  expires_in integer not null,
  revoked_at timestamptz,
  revoke_reason text check (revoke_reason in ('rotated', 'revoked', 'reuse', 'code_replay'))
);
create unique index tokens_by_refresh_hash on {schema}.tokens (refresh_hash) where refresh_hash is not null;
create index tokens_by_family on {schema}.tokens (family_id) where revoked_at is null;
create index tokens_by_consent on {schema}.tokens (subject, application_id, scopes) where revoked_at is null;
create index tokens_by_age on {schema}.tokens using brin (created_at);
create table {schema}.device_grants (
  device_hash bytea primary key,
  user_code_hash bytea unique,
  application_id bigint not null,
  scopes text not null,
  subject text,
  created_at timestamptz not null,
  expires_in integer not null,
  last_polled_at timestamptz
);
create index device_grants_by_age on {schema}.device_grants (created_at);
create table {schema}.signing_keys (
  kid text primary key,
  state text not null check (state in ('active', 'retired')),
  private_key bytea not null,
  sealed boolean not null,
  public_jwk jsonb not null,
  created_at timestamptz not null
);
create unique index signing_keys_active on {schema}.signing_keys (state) where state = 'active';
`,
  },
  {
    name: '0002_indices_for_removal',
    sql: `
create index tokens_by_application on {schema}.tokens (application_id);
create index tokens_by_revocation on {schema}.tokens (revoked_at) where revoked_at is not null;
create index tokens_without_refresh_by_age on {schema}.tokens (created_at) where refresh_hash is null;
`,
  },
  {
    name: '0003_security_events',
    sql: `
create table {schema}.security_events (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null default now(),
  kind text not null,
  application_id bigint,
  client_id text,
  subject text,
  family_id uuid,
  tokens_revoked integer,
  first_used_at timestamptz
);
create index security_events_by_time on {schema}.security_events (occurred_at, id);
create index security_events_by_family on {schema}.security_events (family_id, kind) where family_id is not null;
create function {schema}.revoke_family(family uuid, reason text, at timestamptz) returns integer language plpgsql as
${REVOKE_FAMILY};
`,
  },
  {
    name: '0004_application_policy',
    sql: `
alter table {schema}.applications add column policy jsonb;
`,
  },
  {
    name: '0005_user_code_guesses',
    sql: `
create table {schema}.user_code_guesses (
  id bigint generated always as identity primary key,
  subject text not null,
  network text not null,
  guessed_at timestamptz not null
);
create index user_code_guesses_by_age on {schema}.user_code_guesses (guessed_at);
`,
  },
  {
    // An erased private half is empty. The times determine which key signs: see keys/schedule.ts.
    name: '0006_key_schedule',
    sql: `
alter table {schema}.signing_keys
  add column algorithm text not null default 'RS256' check (algorithm in ('RS256', 'ES256', 'EdDSA')),
  add column signs_from timestamptz;
update {schema}.signing_keys set signs_from = created_at;
alter table {schema}.signing_keys drop column state, alter column algorithm drop default;
`,
  },
  {
    // Vacuum after 2 % of dead rows, not 20 %; and room on each page for the update that consumes a code.
    name: '0007_removal_and_vacuum',
    sql: `
create index grants_by_application on {schema}.grants (application_id);
create index device_grants_by_application on {schema}.device_grants (application_id);
alter table {schema}.tokens set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
alter table {schema}.grants set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05, fillfactor = 80);
alter table {schema}.device_grants set (autovacuum_vacuum_scale_factor = 0.02, fillfactor = 80);
`,
  },
  {
    name: '0008_ended_subjects',
    sql: `
create table {schema}.ended_subjects (
  subject text primary key,
  ended_at timestamptz not null,
  is_barred boolean not null
);
alter table {schema}.device_grants add column approved_at timestamptz;
`,
  },
  {
    // Rows without it store the nonce in clear; they are at most an hour old.
    name: SEALED_NONCES,
    sql: `
alter table {schema}.grants add column sealed_nonce bytea;
`,
  },
]
