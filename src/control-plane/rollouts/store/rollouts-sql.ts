import { ACTIVE_STATES } from '../../../rollouts/index.ts'

/**
 * The tables of rollouts. `course` is everything that decisions and actions change, except the counted time, which the
 * leader adds to once a second. `forecast` is what the leader last said of the future.
 */
export const ROLLOUTS_SQL = `
create table {schema}.rollouts (
  id integer generated always as identity primary key,
  name text not null,
  environment text not null,
  flag text not null,
  state text not null,
  version bigint not null default 1,
  written jsonb not null,
  course jsonb not null,
  elapsed_ms double precision not null default 0,
  watch_left_ms double precision not null default 0,
  events integer not null default 0,
  forecast jsonb not null default '{}',
  reason text,
  created_by text not null,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);
create unique index rollouts_active on {schema}.rollouts (environment, flag)
  where state in (${ACTIVE_STATES.map((state) => `'${state}'`).join(', ')});
create table {schema}.rollout_events (
  rollout_id integer not null references {schema}.rollouts (id),
  number integer not null,
  at timestamptz not null default now(),
  by text not null,
  kind text not null,
  sentence text not null,
  evidence jsonb,
  primary key (rollout_id, number)
);
create table {schema}.rollout_problems (
  id integer generated always as identity primary key,
  environment text not null,
  application_id bigint not null,
  reason text not null,
  reported_by text not null,
  reported_at timestamptz not null default now(),
  closed_by text,
  closed_at timestamptz
);
create index rollout_problems_open on {schema}.rollout_problems (environment, application_id) where closed_at is null;
`
