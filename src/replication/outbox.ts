import { assertSchemaName, type Database, type Queryable } from '../storage/index.ts'
import type { RemovedApplication } from './ports.ts'

/**
 * The outbox: one row for each application, with its newest event and version, and one row for each target's progress.
 * Changes of the same application collapse into one row, and a removed application leaves its tombstone.
 */
export const OUTBOX_SQL = `
create table {schema}.outbox (
  application_id bigint primary key,
  client_id text not null,
  event text not null check (event in ('upsert', 'delete')),
  version bigint not null,
  changed_at timestamptz not null default now()
);
create table {schema}.outbox_deliveries (
  target text not null,
  application_id bigint not null references {schema}.outbox on delete cascade,
  delivered_version bigint,
  reported_version bigint,
  delivered_at timestamptz,
  attempts integer not null default 0,
  last_error text,
  next_attempt_at timestamptz not null default now(),
  primary key (target, application_id)
);
create table {schema}.outbox_leases (
  target text primary key,
  holder text not null,
  expires_at timestamptz not null
);
`

/** The indices with which a replicator finds what is due without reading what has long been delivered. */
export const OUTBOX_INDICES_SQL = `
create index outbox_by_change on {schema}.outbox (changed_at, application_id);
create index outbox_deliveries_by_time on {schema}.outbox_deliveries (target, delivered_at, application_id);
create index outbox_deliveries_waiting on {schema}.outbox_deliveries (target, next_attempt_at) where last_error is not null;
`

/** The channel that announces a committed change to every replicator of the database. */
export function outboxChannel(schema: string): string {
  assertSchemaName(schema)
  return `${schema}_outbox`
}

/** A change of an application, as stored in the outbox. */
export interface OutboxEvent extends RemovedApplication {
  readonly event: 'upsert' | 'delete'
}

/**
 * Writes changes to the outbox as part of the transaction that makes them, and wakes the replicators once it is
 * committed. An event older than the one in the outbox changes nothing.
 */
export async function enqueue(
  database: Database,
  schema: string,
  tx: Queryable,
  events: readonly OutboxEvent[],
): Promise<void> {
  if (events.length === 0) return
  await writeEvents(schema, tx, events)
  await database.notify(outboxChannel(schema), '', tx)
}

/** {@link enqueue} without the wake-up; returns the number of rows changed. */
export async function writeEvents(schema: string, on: Queryable, events: readonly OutboxEvent[]): Promise<number> {
  assertSchemaName(schema)
  const rows = await on.query<{ application_id: number }>(
    `insert into ${schema}.outbox as held (application_id, client_id, event, version)
     select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
     on conflict (application_id) do update
       set client_id = excluded.client_id, event = excluded.event, version = excluded.version, changed_at = now()
       where held.version < excluded.version
     returning application_id`,
    [
      events.map((event) => event.id),
      events.map((event) => event.clientId),
      events.map((event) => event.event),
      events.map((event) => event.version),
    ],
  )
  return rows.length
}
