import type { Environment } from '../../flags/index.ts'
import {
  CLIENT_TROUBLES,
  type Observation,
  OUR_TROUBLES,
  OUTCOME_SIDES,
  type OutcomeSide,
} from '../../outcomes/index.ts'
import type { Queryable } from '../../storage/index.ts'
import type { Store } from '../state/store.ts'

/** The minutes that one slot of counts covers. */
export const SLOT_MINUTES = 10
/** For how long slots are kept: a week, and the slots that the ranges of a chart begin in. */
export const KEPT_SLOTS = 8 * 144
/** Each bucket ends a tenth later than the one before. */
const GROWTH = 1.1
const MOST_BUCKETS = 128
const LIMIT_MS = 20_000
const SLOT_MS = SLOT_MINUTES * 60_000

/**
 * How long requests took on each side: counts by ten minutes, environment, side and bucket of duration. They are stored
 * with the counts of outcomes, and deleted after eight days.
 */
export const LATENCIES_SQL = `
create table {schema}.outcome_latencies (
  slot integer not null,
  environment text not null,
  side smallint not null,
  bucket smallint not null,
  count integer not null,
  primary key (slot, environment, side, bucket)
);
`

/** The requests of one side whose duration falls in one bucket. */
export interface LatencyCount {
  /** The index of the step, from 0. */
  readonly step: number
  readonly side: OutcomeSide
  readonly bucket: number
  readonly count: number
}

/** The latency of both sides in milliseconds; null for a side without requests. */
export type SideLatencies = Readonly<Record<OutcomeSide, number | null>>

/** Durations that are not stored yet. */
export class PendingLatencies {
  readonly #counts = new Map<string, number>()

  get size(): number {
    return this.#counts.size
  }

  /** Adds the duration of an exchange; not of one that the client or the gateway itself ended. */
  add(environment: string, seen: Pick<Observation, 'side' | 'at' | 'durationMs' | 'trouble'>): void {
    if (seen.trouble !== undefined && NOT_OF_A_SIDE.has(seen.trouble)) return
    const side = OUTCOME_SIDES.indexOf(seen.side)
    this.#add(`${Math.floor(seen.at / SLOT_MS)} ${environment} ${side} ${bucketOf(seen.durationMs)}`, 1)
  }

  /** Adds what could not be stored. */
  putBack(others: PendingLatencies): void {
    for (const [key, count] of others.#counts) this.#add(key, count)
  }

  /** Adds the counts to those in the database. */
  async write(tx: Queryable, schema: string): Promise<void> {
    if (this.#counts.size === 0) return
    const rows = [...this.#counts].map(([key, count]) => {
      const [slot, environment, side, bucket] = key.split(' ')
      return { slot: Number(slot), environment, side: Number(side), bucket: Number(bucket), count }
    })
    await tx.query(
      `insert into ${schema}.outcome_latencies as held (slot, environment, side, bucket, count)
        select * from json_to_recordset($1)
          as given (slot integer, environment text, side smallint, bucket smallint, count integer)
        on conflict (slot, environment, side, bucket) do update set count = held.count + excluded.count`,
      [JSON.stringify(rows)],
    )
  }

  #add(key: string, change: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + change)
  }
}

const NOT_OF_A_SIDE: ReadonlySet<string> = new Set([...CLIENT_TROUBLES, ...OUR_TROUBLES])

/**
 * Counts the requests of an environment by duration, in steps of `step` slots, from the slot `from` up to `until`, which
 * is excluded. Probes count too: they take as long as other requests.
 */
export function latencyCounts(
  { database, schema }: Store,
  environment: Environment,
  span: { readonly from: number; readonly until: number; readonly step: number },
): Promise<LatencyCount[]> {
  return database.transaction(async (tx) => {
    const rows = await tx.query<{ step: number; side: number; bucket: number; count: number }>(
      `select (slot - $2::integer) / $4::integer as step, side, bucket, sum(count)::double precision as count
        from ${schema}.outcome_latencies
        where environment = $1 and slot >= $2::integer and slot < $3::integer group by 1, 2, 3`,
      [environment, span.from, span.until, span.step],
    )
    return rows.map(({ side, ...row }) => ({ ...row, side: OUTCOME_SIDES[side] as OutcomeSide }))
  }, LIMIT_MS)
}

/** The bucket of a duration: bucket n holds those over 1.1^(n-1) ms, up to 1.1^n ms. */
function bucketOf(durationMs: number): number {
  if (durationMs <= 1) return 0
  return Math.min(MOST_BUCKETS - 1, Math.ceil(Math.log(durationMs) / Math.log(GROWTH) - 1e-9))
}

/** The duration that 99 of 100 requests of each side did not exceed, at most a tenth too long. */
export function p99Of(counts: readonly LatencyCount[]): SideLatencies {
  return { rails: p99OfSide(counts, 'rails'), iam: p99OfSide(counts, 'iam') }
}

function p99OfSide(counts: readonly LatencyCount[], side: OutcomeSide): number | null {
  const own = counts.filter((each) => each.side === side).sort((a, b) => a.bucket - b.bucket)
  const all = own.reduce((sum, { count }) => sum + count, 0)
  let below = 0
  for (const { bucket, count } of own) {
    below += count
    if (below >= all * 0.99) return GROWTH ** bucket
  }
  return null
}

/** A span of whole slots that covers these minutes since the epoch, in steps of at least one slot. */
export function slotsOf({ from, until }: { readonly from: number; readonly until: number }, steps: number) {
  const first = Math.floor(from / SLOT_MINUTES)
  const last = Math.ceil(until / SLOT_MINUTES)
  const step = Math.max(1, Math.ceil((last - first) / steps))
  return { from: last - step * Math.ceil((last - first) / step), until: last, step }
}
