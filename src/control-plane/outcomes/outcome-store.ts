import { OUTCOME_CAUSES, OUTCOME_KINDS, OUTCOME_SIDES, type RememberedApplication } from '../../outcomes/index.ts'
import type { Database, Queryable } from '../../storage/index.ts'
import { KEPT_SLOTS, SLOT_MINUTES } from './latency-counts.ts'
import { type OutcomeSort, readSort, sortOf } from './outcome-tables.ts'
import type { CountColumns, PendingCounts } from './pending-counts.ts'

/** For how long counts are kept. */
export const KEPT_MINUTES = 2 * 1_440
export const KEPT_HOURS = 90 * 24
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** An hour is summed up this long after its end; later outcomes are added to both tables. */
const SUMMED_AFTER_MINUTES = 30
/** Short enough to leave time for renewals of the lease in between. */
const PAGE = 1_000
const GATEWAYS_KEPT = '7 days'
/** Sums and deletions may touch many rows. */
const UPKEEP_LIMIT_MS = 120_000

/** Which counts to read. */
export interface CountFilter {
  readonly environment: string
  readonly applicationId?: number | undefined
  readonly side?: string | undefined
  readonly kind?: string | undefined
  readonly resolution: 'minute' | 'hour'
  /** In milliseconds since the epoch; `until` is not included. */
  readonly from: number
  readonly until: number
  readonly limit: number
}

/** A stored count of one minute or hour; `at` is its beginning, in milliseconds since the epoch. */
export interface StoredCount extends OutcomeSort {
  readonly application_id: number
  readonly at: number
  readonly count: number
}

/** What a leader begins with. */
export interface StoredOutcomes {
  readonly gateways: ReadonlyArray<{ environment: string; instance: string; next: number }>
  readonly memory: ReadonlyArray<{ environment: string; application_id: number; memory: RememberedApplication }>
}

/** What one transaction stores, in addition to counts. */
export interface StoredWith {
  readonly gateways: ReadonlyArray<{ environment: string; instance: string; next: number }>
  readonly memory: ReadonlyArray<{ environment: string; applicationId: number; memory: RememberedApplication }>
  readonly batches: readonly number[]
}

/** A batch that another replica has taken for the leader. */
export interface HandedBatch {
  readonly id: number
  readonly batch: unknown
  readonly received_at: number
}

/** The tables of outcomes. */
export class OutcomeStore {
  readonly #database: Database
  readonly #schema: string

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#schema = schema
  }

  /** The channel on which replicas announce batches for the leader. */
  get channel(): string {
    return `${this.#schema}_outcomes`
  }

  /** Reads what a leader begins with. */
  async load(): Promise<StoredOutcomes> {
    const gateways = await this.#database.query<StoredOutcomes['gateways'][number]>(
      `select environment, instance, next from ${this.#schema}.outcome_gateways`,
    )
    const memory: Array<StoredOutcomes['memory'][number]> = []
    for (let last: readonly [string, number] = ['', 0]; ; ) {
      const page = await this.#database.query<StoredOutcomes['memory'][number]>(
        `select environment, application_id, memory from ${this.#schema}.outcome_memory
          where (environment, application_id) > ($1, $2) order by environment, application_id limit ${PAGE}`,
        last,
      )
      for (const row of page) memory.push(row)
      const end = page.at(-1)
      if (end === undefined) return { gateways, memory }
      last = [end.environment, end.application_id]
    }
  }

  /** The id of the last transaction that stored counts. */
  async lastStored(tx: Queryable): Promise<string | undefined> {
    const [row] = await tx.query<{ stored: string }>(`select stored from ${this.#schema}.outcome_store for update`)
    return row?.stored
  }

  /** Stores counts and what belongs to them, under an id that {@link lastStored} returns from then on. */
  async write(tx: Queryable, id: string, pending: PendingCounts, others: StoredWith): Promise<void> {
    const schema = this.#schema
    const counts = pending.columns()
    if (counts.counts.length > 0) await this.#add(tx, counts)
    await pending.latencies.write(tx, schema)
    if (others.gateways.length > 0) {
      await tx.query(
        `insert into ${schema}.outcome_gateways (environment, instance, next)
          select environment, instance, next from json_to_recordset($1)
            as given (environment text, instance text, next bigint)
          on conflict (environment, instance) do update set next = excluded.next, heard_at = now()`,
        [JSON.stringify(others.gateways)],
      )
    }
    if (others.memory.length > 0) {
      await tx.query(
        `insert into ${schema}.outcome_memory (environment, application_id, memory)
          select environment, "applicationId", memory from json_to_recordset($1)
            as given (environment text, "applicationId" bigint, memory jsonb)
          on conflict (environment, application_id) do update set memory = excluded.memory`,
        [JSON.stringify(others.memory)],
      )
    }
    if (others.batches.length > 0) {
      await tx.query(`delete from ${schema}.outcome_batches where id = any($1::bigint[])`, [list(others.batches)])
    }
    await tx.query(`update ${schema}.outcome_store set stored = $1`, [id])
  }

  /** Hands a batch to the replica that leads. */
  async hand(batch: unknown, receivedAt: number): Promise<void> {
    await this.#database.query(`insert into ${this.#schema}.outcome_batches (batch, received_at) values ($1, $2)`, [
      JSON.stringify(batch),
      Math.round(receivedAt),
    ])
    await this.#database.notify(this.channel, '')
  }

  /** Calls `hear` when a batch was handed to the leader; messages may be missed. */
  onHanded(hear: () => void): Promise<() => Promise<void>> {
    return this.#database.listen(this.channel, hear)
  }

  /** Batches for the leader, oldest first, except those that it has taken already. */
  handed(taken: readonly number[], limit: number): Promise<HandedBatch[]> {
    return this.#database.query<HandedBatch>(
      `select id, batch, received_at from ${this.#schema}.outcome_batches
        where not id = any($1::bigint[]) order by id limit $2`,
      [list(taken), limit],
    )
  }

  /** Sums up hours that are over, and deletes what is no longer kept; `now` in milliseconds since the epoch. */
  async upkeep(write: (work: (tx: Queryable) => Promise<void>, limitMs?: number) => Promise<void>, now: number) {
    const schema = this.#schema
    const minute = Math.floor(now / 60_000)
    const overHour = Math.floor((minute - SUMMED_AFTER_MINUTES) / 60)
    await write(async (tx) => {
      const [state] = await tx.query<{ unsummed_hour: number }>(
        `select unsummed_hour from ${schema}.outcome_store for update`,
      )
      if (state === undefined || state.unsummed_hour >= overHour) return
      await tx.query(
        `insert into ${schema}.outcome_hours (hour, application_id, sort, environment, count)
          select minute / 60, application_id, sort, environment, sum(count) from ${schema}.outcome_minutes
          where minute >= $1 and minute < $2 group by 1, 2, 3, 4
          on conflict (hour, application_id, sort, environment) do update set count = excluded.count`,
        [state.unsummed_hour * 60, overHour * 60],
      )
      await tx.query(`update ${schema}.outcome_store set unsummed_hour = $1`, [overHour])
    }, UPKEEP_LIMIT_MS)
    await write(async (tx) => {
      await tx.query(`delete from ${schema}.outcome_minutes where minute < $1`, [minute - KEPT_MINUTES])
      await tx.query(`delete from ${schema}.outcome_hours where hour < $1`, [Math.floor(minute / 60) - KEPT_HOURS])
      await tx.query(`delete from ${schema}.outcome_latencies where slot < $1`, [
        Math.floor(minute / SLOT_MINUTES) - KEPT_SLOTS,
      ])
      await tx.query(`delete from ${schema}.outcome_gateways where heard_at < now() - interval '${GATEWAYS_KEPT}'`)
    }, UPKEEP_LIMIT_MS)
  }

  /** Deletes what is remembered of applications that no longer exist. */
  async forgetRemoved(tx: Queryable): Promise<void> {
    await tx.query(
      `delete from ${this.#schema}.outcome_memory where application_id in (
        select id from ${this.#schema}.applications where is_removed)`,
    )
  }

  /** Reads counts, newest first. */
  async read(filter: CountFilter): Promise<StoredCount[]> {
    const { environment, applicationId, resolution, limit } = filter
    const schema = this.#schema
    const unit = resolution === 'minute' ? MINUTE_MS : HOUR_MS
    const values: unknown[] = [environment, Math.floor(filter.from / unit), Math.ceil(filter.until / unit)]
    const sorts = `sort = any($${values.push(list(sortsOf(filter)))}::smallint[])`
    const one = applicationId === undefined ? undefined : `application_id = $${values.push(applicationId)}`
    /** With one application, an index probe for each minute or hour reads less than the whole range. */
    const within = (column: string, from: string, to: string) => {
      const range = `${column} >= ${from} and ${column} < ${to}`
      if (one === undefined) return range
      return `${column} = any(array(select generate_series(${from}, ${to} - 1))) and ${one}`
    }
    const source =
      resolution === 'minute'
        ? `select minute as unit, application_id, sort, count from ${schema}.outcome_minutes
            where environment = $1 and ${sorts} and ${within('minute', '$2::integer', '$3::integer')}`
        : `select hour as unit, application_id, sort, count from ${schema}.outcome_hours
            where environment = $1 and ${sorts} and ${within('hour', '$2::integer', `least($3::integer, ${UNSUMMED(schema)})`)}
          union all
          select minute / 60, application_id, sort, sum(count)::integer from ${schema}.outcome_minutes
            where environment = $1 and ${sorts}
              and ${within('minute', `greatest($2::integer, ${UNSUMMED(schema)}) * 60`, '$3::integer * 60')}
            group by 1, 2, 3`
    const rows = await this.#database.query<{ unit: number; application_id: number; sort: number; count: number }>(
      `select unit, application_id, sort, count from (${source}) as counts
        where count > 0 order by unit desc, application_id, sort limit $${values.push(limit)}`,
      values,
    )
    return rows.map(({ unit: index, application_id, sort, count }) => {
      const { side, kind, cause } = readSort(sort)
      return { application_id, side, kind, cause, at: index * unit, count }
    })
  }

  async #add(tx: Queryable, counts: CountColumns): Promise<void> {
    const schema = this.#schema
    const { minutes, applicationIds, sorts, environments } = counts
    const values = [list(minutes), list(applicationIds), list(sorts), list(environments), list(counts.counts)]
    const given = `unnest($1::integer[], $2::bigint[], $3::smallint[], $4::text[], $5::integer[])
      as given (minute, application_id, sort, environment, count)`
    await tx.query(
      {
        name: `${schema}_outcome_minutes_add`,
        text: `insert into ${schema}.outcome_minutes as held (minute, application_id, sort, environment, count)
          select * from ${given}
          on conflict (minute, application_id, sort, environment) do update set count = held.count + excluded.count`,
      },
      values,
    )
    const oldest = minutes.reduce((least, minute) => Math.min(least, minute), Number.POSITIVE_INFINITY)
    const [state] = await tx.query<{ unsummed_hour: number }>(`select unsummed_hour from ${schema}.outcome_store`)
    if (state === undefined || Math.floor(oldest / 60) >= state.unsummed_hour) return
    await tx.query(
      `insert into ${schema}.outcome_hours as held (hour, application_id, sort, environment, count)
        select minute / 60, application_id, sort, environment, sum(count) from ${given}
        where minute / 60 < $6 group by 1, 2, 3, 4
        on conflict (hour, application_id, sort, environment) do update set count = held.count + excluded.count`,
      [...values, state.unsummed_hour],
    )
  }
}

/** The first hour that is only in the table of minutes. */
const UNSUMMED = (schema: string) => `(select unsummed_hour from ${schema}.outcome_store)`

function sortsOf({ side, kind }: Pick<CountFilter, 'side' | 'kind'>): number[] {
  const sides = OUTCOME_SIDES.filter((one) => side === undefined || one === side)
  const kinds = OUTCOME_KINDS.filter((one) => kind === undefined || one === kind)
  return sides.flatMap((one) =>
    kinds.flatMap((other) => OUTCOME_CAUSES.map((cause) => sortOf({ side: one, kind: other, cause }))),
  )
}

/** An array of plain numbers or words as PostgreSQL reads it; far cheaper than element by element. */
function list(values: readonly (number | string)[]): string {
  return `{${values.join(',')}}`
}
