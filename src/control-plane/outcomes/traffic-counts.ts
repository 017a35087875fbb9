import type { Environment } from '../../flags/index.ts'
import { OUTCOME_CAUSES, OUTCOME_KINDS, OUTCOME_SIDES } from '../../outcomes/index.ts'
import type { Queryable } from '../../storage/index.ts'
import type { Store } from '../state/store.ts'
import { type OutcomeSort, readSort, sortOf } from './outcome-tables.ts'

const LIMIT_MS = 20_000

/** A span of time in minutes since the epoch, `until` excluded, in steps of `step` minutes. */
export interface TrafficSpan {
  readonly from: number
  readonly until: number
  readonly step: number
}

/** The flows of one sort that began in one step. */
export interface TrafficCount extends OutcomeSort {
  /** The index of the step, from 0. */
  readonly slot: number
  readonly count: number
}

/** The flows of an application in a day. */
export interface DayCount {
  readonly id: number
  readonly flows: number
  /** Those that the server caused to fail. */
  readonly failed: number
  readonly iam: number
}

/** Whose flows are counted: those of one application, or those of all but some, such as the twins of probes. */
export type TrafficOf = { readonly applicationId: number } | { readonly except: readonly number[] }

/** Counts flows of an environment by step and sort. Steps of hours read sums. */
export async function trafficCounts(
  { database, schema }: Store,
  environment: Environment,
  { from, until, step }: TrafficSpan,
  of: TrafficOf,
): Promise<TrafficCount[]> {
  const isOne = 'applicationId' in of
  const whose = isOne ? 'and application_id = $5' : 'and application_id <> all($5::bigint[])'
  // The keys of both tables begin with the time: of one application, each minute or hour is looked up.
  const within = (column: 'minute' | 'hour', since: string, until: string) =>
    isOne
      ? `${column} = any(array(select generate_series(${since}, ${until} - 1)))`
      : `${column} >= ${since} and ${column} < ${until}`
  const summed = `(select unsummed_hour from ${schema}.outcome_store)`
  const sums =
    step % 60 === 0
      ? `select (hour * 60 - $2) / $4 as slot, sort, count from ${schema}.outcome_hours
          where environment = $1 and ${within('hour', '$2 / 60', `least(($3 + 59) / 60, ${summed})`)} ${whose} union all`
      : ''
  const since = step % 60 === 0 ? `greatest($2, ${summed} * 60)` : '$2'
  const rows = await bounded(database, (tx) =>
    tx.query<{ slot: number; sort: number; count: number }>(
      `select slot, sort, sum(count)::double precision as count from (${sums}
         select (minute - $2) / $4 as slot, sort, count from ${schema}.outcome_minutes
           where environment = $1 and ${within('minute', since, '$3')} ${whose}
       ) counts group by slot, sort order by slot, sort`.replaceAll(/\$([234])/g, '$$$1::integer'),
      [environment, from, until, step, isOne ? of.applicationId : `{${of.except.join(',')}}`],
    ),
  )
  return rows.map(({ slot, sort, count }) => ({ slot, count, ...readSort(sort) }))
}

/** The flows of each application of an environment within the last 24 hours; none is missing but those without flows. */
export function dayCounts({ database, schema }: Store, environment: Environment, now: number): Promise<DayCount[]> {
  const hour = Math.floor(now / 3_600_000) - 24
  return bounded(database, (tx) =>
    tx.query<DayCount>(
      `select application_id as id, sum(count)::double precision as flows,
         coalesce(sum(count) filter (where sort = any($3::smallint[])), 0)::double precision as failed,
         coalesce(sum(count) filter (where sort = any($4::smallint[])), 0)::double precision as iam from (
           select application_id, sort, count from ${schema}.outcome_hours where environment = $1 and hour >= $2
           union all
           select application_id, sort, count from ${schema}.outcome_minutes where environment = $1
             and minute >= greatest((select unsummed_hour from ${schema}.outcome_store), $2) * 60
         ) counts group by application_id`,
      [environment, hour, sortsWhere(({ cause }) => cause === 'server'), sortsWhere(({ side }) => side === 'iam')],
    ),
  )
}

function bounded<T>(database: Store['database'], work: (tx: Queryable) => Promise<T>): Promise<T> {
  return database.transaction(work, LIMIT_MS)
}

function sortsWhere(isMeant: (sort: OutcomeSort) => boolean): string {
  const all = OUTCOME_SIDES.flatMap((side) =>
    OUTCOME_KINDS.flatMap((kind) => OUTCOME_CAUSES.map((cause): OutcomeSort => ({ side, kind, cause }))),
  )
  return `{${all.filter(isMeant).map(sortOf).join(',')}}`
}
