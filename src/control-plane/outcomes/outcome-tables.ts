import {
  OUTCOME_CAUSES,
  OUTCOME_KINDS,
  OUTCOME_SIDES,
  type OutcomeCause,
  type OutcomeKind,
  type OutcomeSide,
} from '../../outcomes/index.ts'

/**
 * Counts by minute and by hour (both since the epoch; see {@link sortOf} for `sort`); the position of each gateway
 * process; what is remembered of applications; batches that another replica took for the leader. `outcome_store` holds
 * the id of the last transaction that stored counts, and the first hour that is not summed up yet.
 */
export const OUTCOMES_SQL = `
create table {schema}.outcome_minutes (
  minute integer not null,
  application_id bigint not null,
  sort smallint not null,
  environment text not null,
  count integer not null,
  primary key (minute, application_id, sort, environment)
);
create table {schema}.outcome_hours (
  hour integer not null,
  application_id bigint not null,
  sort smallint not null,
  environment text not null,
  count integer not null,
  primary key (hour, application_id, sort, environment)
);
create table {schema}.outcome_gateways (
  environment text not null,
  instance text not null,
  next bigint not null,
  heard_at timestamptz not null default now(),
  primary key (environment, instance)
);
create table {schema}.outcome_memory (
  environment text not null,
  application_id bigint not null,
  memory jsonb not null,
  primary key (environment, application_id)
);
create table {schema}.outcome_batches (
  id bigint generated always as identity primary key,
  batch jsonb not null,
  received_at bigint not null
);
create table {schema}.outcome_store (
  only_row boolean primary key default true check (only_row),
  stored text not null default '',
  unsummed_hour integer not null default 0
);
insert into {schema}.outcome_store default values;
`

/** Room for further kinds and causes, so that stored numbers keep their meaning. */
const MOST_KINDS = 32
const MOST_CAUSES = 16
/** {@link sortOf} is less than this. */
export const MOST_SORTS = 2 * MOST_CAUSES * MOST_KINDS

/** What a count is of, besides its application. */
export interface OutcomeSort {
  readonly side: OutcomeSide
  readonly kind: OutcomeKind
  readonly cause: OutcomeCause
}

/** One small number for side, kind and cause. New kinds and causes are added at the end of their lists. */
export function sortOf({ side, kind, cause }: OutcomeSort): number {
  const sideAt = OUTCOME_SIDES.indexOf(side)
  return (sideAt * MOST_CAUSES + OUTCOME_CAUSES.indexOf(cause)) * MOST_KINDS + OUTCOME_KINDS.indexOf(kind)
}

/** The reverse of {@link sortOf}. */
export function readSort(sort: number): OutcomeSort {
  const rest = Math.floor(sort / MOST_KINDS)
  return {
    side: OUTCOME_SIDES[Math.floor(rest / MOST_CAUSES)] as OutcomeSide,
    cause: OUTCOME_CAUSES[rest % MOST_CAUSES] as OutcomeCause,
    kind: OUTCOME_KINDS[sort % MOST_KINDS] as OutcomeKind,
  }
}
