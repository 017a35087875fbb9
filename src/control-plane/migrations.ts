import type { Migration } from '../storage/index.ts'
import { LATENCIES_SQL } from './outcomes/latency-counts.ts'
import { OUTCOMES_SQL } from './outcomes/outcome-tables.ts'
import { CHECKLIST_SQL } from './rollouts/checklist/ticks.ts'
import { GUARDS_SQL } from './rollouts/guards/guard-store.ts'
import { LEADERSHIP_SQL } from './rollouts/leadership/leadership.ts'
import { NOTIFICATIONS_SQL } from './rollouts/notifications/cursors.ts'
import { PROBES_SQL } from './rollouts/probes/probe-store.ts'
import { ROLLOUTS_SQL } from './rollouts/store/rollouts-sql.ts'
import { SIDE_EFFECTS_SQL } from './side-effects/outbox.ts'

/**
 * `clock` counts changes: every writer locks its row, so versions are committed in order and a reader that has seen
 * version n has seen all earlier ones. Streams resume from `changes`; its oldest rows are dropped.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001_control_plane',
    sql: `
create table {schema}.clock (
  only_row boolean primary key default true check (only_row),
  epoch text not null,
  version bigint not null
);
insert into {schema}.clock (epoch, version) values (gen_random_uuid()::text, 1);
create table {schema}.tokens (
  digest bytea primary key,
  role text not null,
  name text not null,
  created_at timestamptz not null default now()
);
create table {schema}.flags (
  environment text not null,
  name text not null,
  state jsonb not null,
  version bigint not null,
  primary key (environment, name)
);
create table {schema}.flag_history (
  environment text not null,
  name text not null,
  version bigint not null,
  action text not null,
  before jsonb,
  after jsonb,
  changed_by text not null,
  changed_at timestamptz not null default now(),
  primary key (environment, name, version)
);
create table {schema}.brakes (
  environment text primary key,
  is_on boolean not null,
  reason text not null,
  version bigint not null,
  changed_by text not null,
  changed_at timestamptz not null default now()
);
create table {schema}.applications (
  id bigint primary key,
  client_id text,
  document jsonb,
  version bigint not null,
  iam_version bigint,
  is_removed boolean not null,
  changed_at timestamptz not null default now()
);
create unique index applications_client_id on {schema}.applications (client_id) where not is_removed;
create table {schema}.changes (
  version bigint primary key,
  change jsonb not null
);
`,
  },
  {
    name: '0002_gateway_reports',
    sql: `
create table {schema}.gateway_reports (
  replica text primary key,
  gateways jsonb not null,
  reported_at timestamptz not null default now()
);
`,
  },
  {
    name: '0003_chatops',
    sql: `
create table {schema}.proposals (
  id integer generated always as identity primary key,
  environment text not null,
  flag text not null,
  command jsonb not null,
  words text not null,
  flag_version bigint not null,
  status text not null default 'waiting',
  proposed_by text not null,
  proposed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  decided_by text,
  decided_at timestamptz
);
create table {schema}.seen_signatures (
  digest bytea primary key,
  seen_at timestamptz not null default now()
);
create table {schema}.deployments (
  id integer generated always as identity primary key,
  environment text not null,
  component text not null,
  version text not null,
  commit text,
  contains jsonb not null,
  deployed_at timestamptz not null default now(),
  recorded_by text not null
);
create index deployments_latest on {schema}.deployments (environment, component, id);
`,
  },
  {
    name: '0004_cause_of_a_change',
    sql: 'alter table {schema}.flag_history add column cause jsonb;\n',
  },
  {
    // A function's body must be on one line: statements end with a semicolon at the end of one.
    name: '0005_audit_log',
    sql: `
create table {schema}.audit_log (
  number bigint primary key,
  entry jsonb not null,
  hash text not null
);
create index audit_log_subject on {schema}.audit_log ((entry ->> 'subject'), number);
create index audit_log_at on {schema}.audit_log (((entry ->> 'at') collate "C"));
create function {schema}.refuse_audit_change() returns trigger language plpgsql as
  $$ begin raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege'; end $$;
create trigger audit_log_is_append_only before update or delete or truncate on {schema}.audit_log
  for each statement execute function {schema}.refuse_audit_change();
`,
  },
  { name: '0006_effects', sql: SIDE_EFFECTS_SQL },
  {
    name: '0007_access',
    sql: `
alter table {schema}.tokens add column id integer generated always as identity unique;
alter table {schema}.tokens add column environments jsonb;
alter table {schema}.tokens add column created_by text;
alter table {schema}.tokens add column expires_at timestamptz;
alter table {schema}.tokens add column last_used_at timestamptz;
`,
  },
  {
    name: '0008_sessions',
    sql: `
create table {schema}.sign_in_links (
  digest bytea primary key,
  token_id integer not null references {schema}.tokens (id) on delete cascade,
  expires_at timestamptz not null
);
create table {schema}.sessions (
  digest bytea primary key,
  id integer generated always as identity unique,
  name text not null,
  subject text not null,
  token_id integer references {schema}.tokens (id) on delete cascade,
  claims jsonb,
  address text not null,
  browser text not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sessions_subject on {schema}.sessions (subject);
`,
  },
  {
    // The default fills it in for replicas that do not know the column.
    name: '0009_stamps',
    sql: `alter table {schema}.changes add column stamp text not null default gen_random_uuid()::text;\n`,
  },
  {
    name: '0010_iam_by_default',
    sql: `
create table {schema}.iam_by_default (
  environment text primary key
);
alter table {schema}.gateway_reports add column iam_by_default jsonb not null default '[]';
`,
  },
  {
    name: '0011_no_secret_digests',
    sql: `
update {schema}.applications
  set document = (document - 'secret_digest') || jsonb_build_object('has_secret', document -> 'secret_digest' <> 'null')
  where document ? 'secret_digest';
`,
  },
  {
    // The newest entry of the audit log, noted outside it, so that a truncated log does not pass as complete.
    name: '0012_audit_head',
    sql: `
alter table {schema}.clock add column audit_number bigint not null default 0;
alter table {schema}.clock add column audit_hash text not null default '';
update {schema}.clock set (audit_number, audit_hash) = (select number, hash from {schema}.audit_log order by number desc limit 1)
  where exists (select from {schema}.audit_log);
`,
  },
  { name: '0013_leadership', sql: LEADERSHIP_SQL },
  { name: '0014_outcomes', sql: OUTCOMES_SQL },
  { name: '0015_guards', sql: GUARDS_SQL },
  { name: '0016_rollouts', sql: ROLLOUTS_SQL },
  { name: '0017_probes', sql: PROBES_SQL },
  { name: '0018_notifications', sql: NOTIFICATIONS_SQL },
  { name: '0019_checklist', sql: CHECKLIST_SQL },
  {
    name: '0020_audit_correlation',
    sql: `create index audit_log_correlation on {schema}.audit_log ((entry ->> 'correlation_id'), number);\n`,
  },
  { name: '0021_latencies', sql: LATENCIES_SQL },
]
