import type { Traffic } from '../../../rollouts/index.ts'
import type { Store } from '../../state/store.ts'
import type { Twins } from '../probes/twins.ts'

const DAYS = 7
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Less says nothing about a day. */
const SHORTEST_MS = 10 * 60_000
const LIMIT_MS = 30_000

/**
 * The flows of each application in an average day, on both sides, as counted within the last seven days. Probe twins have
 * none: their flows are not traffic.
 */
export async function usualTraffic(
  store: Store,
  environment: string,
  now: number,
  twins: Pick<Twins, 'isProbe'>,
): Promise<Traffic> {
  const { schema, database } = store
  const rows = await database.transaction(
    (tx) =>
      tx.query<{ id: number; count: number; first: number }>(
        `select application_id as id, sum(count)::bigint as count, min(minute)::bigint as first from (
           select application_id, count, hour * 60 as minute from ${schema}.outcome_hours
             where environment = $1 and hour >= $2
           union all
           select application_id, count, minute from ${schema}.outcome_minutes
             where environment = $1 and minute >= (select unsummed_hour * 60 from ${schema}.outcome_store) and minute >= $2 * 60
         ) counted group by application_id`,
        [environment, Math.floor((now - DAYS * DAY_MS) / HOUR_MS)],
      ),
    LIMIT_MS,
  )
  const first = rows.reduce((least, row) => Math.min(least, row.first * 60_000), now)
  const days = Math.max(now - first, SHORTEST_MS) / DAY_MS
  const real = rows.filter(({ id }) => !twins.isProbe(id))
  return { flowsPerDay: new Map(real.map(({ id, count }) => [id, count / days])) }
}
