import type { Migration } from '../storage/index.ts'

/** From this migration on, the requests of challenges are encrypted; see `formatSwitch`. */
export const SEALED_REQUESTS = 'iam_0005_sealed_requests'

/** The tables of the hand-off and of replication, in the same schema as those of the protocol core. */
export const iamMigrations: readonly Migration[] = [
  {
    name: 'iam_0001_handoff',
    sql: `
create table {schema}.challenges (
  challenge_hash bytea primary key,
  verifier_hash bytea not null unique,
  kind text not null check (kind in ('login', 'consent')),
  browser_hash bytea not null,
  parameters text not null,
  client_id text not null,
  subject text,
  scopes text[] not null default '{}',
  prompt_none boolean not null default false,
  reauthenticate boolean not null default false,
  outcome text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  answer_expires_at timestamptz,
  used_at timestamptz
);
create index challenges_expires_at on {schema}.challenges (expires_at);
create table {schema}.resource_owners (
  subject text primary key,
  username text not null,
  name text not null,
  email text not null,
  auth_time timestamptz not null,
  updated_at timestamptz not null default now()
);
create table {schema}.removed_applications (
  client_id text primary key,
  version bigint not null,
  removed_at timestamptz not null default now()
);
`,
  },
  {
    name: 'iam_0002_unanswered_challenges',
    sql: `
create index challenges_unanswered on {schema}.challenges (expires_at) where outcome is null;
alter table {schema}.challenges set (autovacuum_vacuum_scale_factor = 0.02);
`,
  },
  {
    // Stored as text to preserve the platform's order of members.
    name: 'iam_0003_user_claims',
    sql: `
alter table {schema}.resource_owners add column claims text not null default '{}';
`,
  },
  {
    // Null: unknown, as the platform has not reported it.
    name: 'iam_0004_user_states',
    sql: `
alter table {schema}.resource_owners
  add column state text not null default 'active' check (state in ('active', 'blocked', 'deleted')),
  add column version bigint,
  add column credentials_epoch bigint;
create index challenges_by_subject on {schema}.challenges (subject) where subject is not null;
`,
  },
  {
    name: SEALED_REQUESTS,
    sql: `
comment on column {schema}.challenges.parameters is 'JSON, or base64url of what is sealed under a key made from the verifier key';
`,
  },
]
