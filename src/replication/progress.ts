import { randomUUID } from 'node:crypto'
import { assertSchemaName, type Database } from '../storage/index.ts'

/** An outbox row that a target does not have yet. */
export interface PendingDelivery {
  readonly id: number
  readonly clientId: string
  readonly event: 'upsert' | 'delete'
  readonly version: number
  /** The version that the reported target has confirmed; null when it has none, or when no target is reported. */
  readonly confirmedVersion: number | null
}

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

/** The progress of each target. All times are the database's, so that replicas need no synchronised clocks. */
export interface DeliveryProgress {
  /** At most `limit` rows that are due, oldest change first. */
  due(limit: number): Promise<PendingDelivery[]>
  /** The time until the first waiting row is due, in milliseconds; undefined when none waits. */
  nextDueInMs(): Promise<number | undefined>
  /** Rows not delivered, due or not. */
  pending(): Promise<number>
  record(records: readonly DeliveryRecord[]): Promise<void>
  /** Everything in the outbox, with what this target is believed to have of it. */
  known(): Promise<KnownDelivery[]>
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
  const undelivered = `from ${schema}.outbox o
     left join ${schema}.outbox_deliveries d on d.application_id = o.application_id and d.target = $1
     left join ${schema}.outbox_deliveries r on r.application_id = o.application_id and r.target = $2
     where (d.delivered_version is null or d.delivered_version < o.version
       or ($2 <> '' and o.event = 'upsert' and d.reported_version is distinct from r.delivered_version))`
  const names = [target, reports ?? '']
  return {
    due: (limit) =>
      database.query<PendingDelivery>(
        `select o.application_id as id, o.client_id as "clientId", o.event, o.version,
           r.delivered_version as "confirmedVersion" ${undelivered}
           and (d.next_attempt_at is null or d.next_attempt_at <= now())
         order by o.changed_at, o.application_id limit $3`,
        [...names, limit],
      ),
    async nextDueInMs() {
      const [row] = await database.query<{ wait: number | null }>(
        `select (extract(epoch from min(d.next_attempt_at) - now()) * 1000)::float8 as wait ${undelivered}
           and d.next_attempt_at > now()`,
        names,
      )
      return row?.wait ?? undefined
    },
    async pending() {
      const [row] = await database.query<{ count: number }>(`select count(*) as count ${undelivered}`, names)
      return row?.count ?? 0
    },
    async record(records) {
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
    },
    known: () =>
      database.query<KnownDelivery>(
        `select o.application_id as id, o.client_id as "clientId", o.event, o.version,
           d.delivered_version as "deliveredVersion", d.reported_version as "reportedVersion"
         from ${schema}.outbox o
         left join ${schema}.outbox_deliveries d on d.application_id = o.application_id and d.target = $1`,
        [target],
      ),
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
