import type { Environment } from '../../flags/index.ts'
import { grantedRequests, OUTCOME_KINDS, type OutcomeKind, type RememberedApplication } from '../../outcomes/index.ts'
import type { Store } from '../state/store.ts'
import { trafficCounts } from './traffic-counts.ts'

/** The days for which {@link usedKinds} counts flows. */
export const USED_DAYS = 30
const DAY_MINUTES = 1_440

/** Flows of one kind that succeeded. */
export interface UsedKind {
  readonly kind: OutcomeKind
  readonly flows: number
  /** The day of the last one, ISO 8601. */
  readonly last_on: string
}

/** The kinds of flow of an application that succeeded within the last {@link USED_DAYS} days, on either side. */
export async function usedKinds(
  store: Store,
  environment: Environment,
  applicationId: number,
  now: number,
): Promise<UsedKind[]> {
  const until = (Math.floor(now / 60_000 / DAY_MINUTES) + 1) * DAY_MINUTES
  const span = { from: until - USED_DAYS * DAY_MINUTES, until, step: DAY_MINUTES }
  const counts = await trafficCounts(store, environment, span, { applicationId })
  return OUTCOME_KINDS.flatMap((kind) => {
    const own = counts.filter((one) => one.kind === kind && one.cause === 'success' && one.count > 0)
    if (own.length === 0) return []
    const lastSlot = Math.max(...own.map(({ slot }) => slot))
    const last_on = new Date((span.from + lastSlot * span.step) * 60_000).toISOString().slice(0, 10)
    return [{ kind, flows: own.reduce((sum, { count }) => sum + count, 0), last_on }]
  })
}

/**
 * Whether the monolith has granted requests with a password, for each of these applications whose traffic gateways
 * have reported. Applications without reported traffic are missing.
 */
export async function passwordUsers(
  { database, schema }: Store,
  environment: Environment,
  applicationIds: readonly number[],
): Promise<ReadonlyMap<number, boolean>> {
  const rows = await database.query<{ id: number; granted: RememberedApplication['granted'] }>(
    `select application_id as id, (memory ->> 'granted')::integer as granted from ${schema}.outcome_memory
      where environment = $1 and application_id = any($2::bigint[]) and (memory ->> 'granted')::integer <> 0`,
    [environment, `{${applicationIds.join(',')}}`],
  )
  return new Map(rows.map(({ id, granted }) => [id, grantedRequests({ granted }).includes('password')]))
}
