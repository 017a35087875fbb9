import { randomUUID } from 'node:crypto'
import { LARGEST_ID, type RangeDigest, rangeDigestStatement, rangesBetween } from '../applications/index.ts'
import { assertSchemaName, type Database } from '../storage/index.ts'
import { type DueFeeds, dueFeeds, PENDING } from './due-feeds.ts'

/** The record of a delivery. `version` is null for a failed one. */
export interface DeliveryRecord {
  readonly id: number
  readonly version: number | null
  readonly reportedVersion: number | null
  readonly error: string | null
  /** Whether the next attempt is delayed; the delay doubles after each failure, up to 30 s or up to five minutes. */
  readonly wait: 'none' | 'short' | 'long'
}

/** What the outbox believes a target to have. */
export interface KnownDelivery {
  readonly id: number
  readonly clientId: string
  readonly event: 'upsert' | 'delete'
  readonly version: number
  readonly deliveredVersion: number | null
  readonly reportedVersion: number | null
}

/** The outbox in short, by ranges of ids. */
export interface KnownDigests {
  /** The applications that exist, in the version of the outbox. */
  readonly existing: readonly RangeDigest[]
  /** Those that the target is believed to have, in the version that was delivered. */
  readonly delivered: readonly RangeDigest[]
}

/** The progress of each target. All times are the database's, so that replicas need no synchronised clocks. */
export interface DeliveryProgress extends DueFeeds {
  /** The time until the first waiting row is due, in milliseconds; undefined when none waits. */
  nextDueInMs(): Promise<number | undefined>
  /** Rows not delivered, due or not. */
  pending(): Promise<number>
  /** About how many rows have never been delivered; cheaper than {@link DeliveryProgress.pending}. */
  neverDelivered(): Promise<number>
  record(records: readonly DeliveryRecord[]): Promise<void>
  /** Digests of the outbox for the ranges between these bounds. */
  digests(bounds: readonly number[]): Promise<KnownDigests>
  /** Up to `limit` rows of the outbox of a range of ids, with what this target is believed to have of them. */
  known(after: number, upTo: number, limit: number): Promise<KnownDelivery[]>
  /** The first ids, as text, that are too large to be replicated. */
  tooLarge(limit: number): Promise<string[]>
  /** Marks these as pending again. */
  forget(ids: readonly number[]): Promise<void>
  /** Acquires or extends the exclusive right to deliver to this target; false while another process holds it. */
  lease(seconds: number): Promise<boolean>
  release(): Promise<void>
}

const LONGEST_WAIT_SECONDS = { short: 30, long: 300 }

/**
 * Opens the progress of one target in the outbox of `schema`. `reports` is the target with the confirmed versions that
 * are reported to this one.
 */
export function deliveryProgress(
  database: Database,
  schema: string,
  target: string,
  reports: string | undefined,
): DeliveryProgress {
  assertSchemaName(schema)
  const holder = randomUUID()
  const names = [target, reports ?? '']
  return {
    ...dueFeeds(database, schema, names),
    ...knownDeliveries(database, schema, target),
    async nextDueInMs() {
      const [row] = await database.query<{ wait: number | null }>(
        `select (extract(epoch from min(next_attempt_at) - now()) * 1000)::float8 as wait
         from ${schema}.outbox_deliveries where target = $1 and last_error is not null and next_attempt_at > now()`,
        [target],
      )
      return row?.wait ?? undefined
    },
    async pending() {
      const [row] = await database.query<{ count: number }>(
        `select count(*) as count from ${schema}.outbox o ${joined(schema)} where ${PENDING}`,
        names,
      )
      return row?.count ?? 0
    },
    async neverDelivered() {
      const [row] = await database.query<{ count: number }>(
        `select (select count(*) from ${schema}.outbox) - (select count(*) from ${schema}.outbox_deliveries
           where target = $1 and delivered_at is not null) as count`,
        [target],
      )
      return Math.max(0, row?.count ?? 0)
    },
    record: (records) => record(database, schema, target, records),
    async forget(ids) {
      if (ids.length === 0) return
      await database.query(
        `update ${schema}.outbox_deliveries set delivered_version = null, attempts = 0, next_attempt_at = now()
         where target = $1 and application_id = any($2::bigint[])`,
        [target, ids],
      )
    },
    async lease(seconds) {
      const rows = await database.query(
        `insert into ${schema}.outbox_leases as held (target, holder, expires_at)
         values ($1, $2, now() + $3 * interval '1 second')
         on conflict (target) do update set holder = excluded.holder, expires_at = excluded.expires_at
           where held.holder = excluded.holder or held.expires_at < now()
         returning target`,
        [target, holder, seconds],
      )
      return rows.length === 1
    },
    async release() {
      await database.query(`delete from ${schema}.outbox_leases where target = $1 and holder = $2`, [target, holder])
    },
  }
}

function joined(schema: string): string {
  return `left join ${schema}.outbox_deliveries d on d.application_id = o.application_id and d.target = $1
    left join ${schema}.outbox_deliveries r on r.application_id = o.application_id and r.target = $2`
}

function knownDeliveries(
  database: Database,
  schema: string,
  target: string,
): Pick<DeliveryProgress, 'digests' | 'known' | 'tooLarge'> {
  const columns = { id: 'o.application_id', clientId: 'o.client_id' }
  const existing = rangeDigestStatement(`${schema}.outbox o`, {
    ...{ ...columns, version: 'o.version', where: `o.event = 'upsert'` },
  })
  const delivered = rangeDigestStatement(
    `${schema}.outbox o join ${schema}.outbox_deliveries d on d.application_id = o.application_id and d.target = $3`,
    {
      ...columns,
      // A target that has a newer version than there is, after a restored backup, must differ.
      version: 'least(d.delivered_version, o.version)',
      reported: 'd.reported_version',
      // The second pair of bounds keeps the planner from reading the deliveries of all ranges.
      where: `o.event = 'upsert' and d.delivered_version is not null
        and d.application_id > range.after and d.application_id <= range.up_to`,
    },
  )
  return {
    async digests(bounds) {
      const ranges = rangesBetween(bounds)
      return {
        existing: await database.query<RangeDigest>(existing, ranges),
        delivered: await database.query<RangeDigest>(delivered, [...ranges, target]),
      }
    },
    known: (after, upTo, limit) =>
      database.query<KnownDelivery>(
        `select o.application_id as id, o.client_id as "clientId", o.event, o.version,
           d.delivered_version as "deliveredVersion", d.reported_version as "reportedVersion"
         from ${schema}.outbox o
         left join ${schema}.outbox_deliveries d on d.application_id = o.application_id and d.target = $1
         where o.application_id > $2 and o.application_id <= $3 order by o.application_id limit $4`,
        [target, after, upTo, limit],
      ),
    async tooLarge(limit) {
      const rows = await database.query<{ id: string }>(
        `select application_id::text as id from ${schema}.outbox where application_id > ${LARGEST_ID}
         order by application_id limit $1`,
        [limit],
      )
      return rows.map(({ id }) => id)
    },
  }
}

async function record(
  database: Database,
  schema: string,
  target: string,
  records: readonly DeliveryRecord[],
): Promise<void> {
  if (records.length === 0) return
  const longestWait = (wait: DeliveryRecord['wait']) => (wait === 'none' ? 0 : LONGEST_WAIT_SECONDS[wait])
  await database.query(
    `with new as (
       select * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::integer[])
         as new (id, version, reported, error, longest_wait)
     )
     insert into ${schema}.outbox_deliveries as held
       (target, application_id, delivered_version, reported_version, delivered_at, attempts, last_error, next_attempt_at)
     select $1, id, version, reported, case when version is null then null else now() end,
       case when version is null then 1 else 0 end, error,
       case when longest_wait > 0 then now() + interval '1 second' else now() end
     from new
     where exists (select from ${schema}.outbox o where o.application_id = new.id)
     on conflict (target, application_id) do update set
       delivered_version = coalesce(greatest(held.delivered_version, excluded.delivered_version), held.delivered_version),
       reported_version = case when excluded.delivered_version is null then held.reported_version else excluded.reported_version end,
       delivered_at = coalesce(excluded.delivered_at, held.delivered_at),
       attempts = case when excluded.delivered_version is null then held.attempts + 1 else 0 end,
       last_error = excluded.last_error,
       next_attempt_at = case when excluded.next_attempt_at > now()
         then now() + interval '1 second' * least(power(2, least(held.attempts, 20)),
           (select longest_wait from new where new.id = excluded.application_id)) else now() end`,
    [
      target,
      records.map((record) => record.id),
      records.map((record) => record.version),
      records.map((record) => record.reportedVersion),
      records.map((record) => record.error),
      records.map((record) => longestWait(record.wait)),
    ],
  )
}
