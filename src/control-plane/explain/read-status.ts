import type { Environment } from '../../flags/index.ts'
import { applicationReports } from '../gateways/application-reports.ts'
import { knownGateways } from '../gateways/gateway-health.ts'
import type { GatewayRegistry } from '../gateways/gateway-registry.ts'
import type { Twins } from '../rollouts/probes/twins.ts'
import type { SideEffectOutbox } from '../side-effects/outbox.ts'
import type { ChangeFeed } from '../state/feed.ts'
import { listApplications } from './application-list.ts'
import { countApplications, type StatusFacts } from './status.ts'

/** The maximum number of failing, and of waiting applications that a status lists. */
export const MOST_LISTED = 20

/** The parts of the control plane that know the state of an environment. */
export interface StatusSources {
  readonly feed: ChangeFeed
  readonly gateways: GatewayRegistry
  readonly sideEffects: SideEffectOutbox
  readonly probing: { readonly twins: Pick<Twins, 'applicationIds'> }
}

/** The state of an environment. While the database does not answer, it is what this replica holds. */
export async function readStatus(sources: StatusSources, environment: Environment): Promise<StatusFacts> {
  await sources.feed.catchUp().catch(() => {})
  const { cache, historyLostAt } = sources.feed
  const gateways = (await knownGateways(sources)).filter((each) => each.environment === environment)
  const reports = applicationReports(gateways, environment)
  const page = { after: 0, limit: MOST_LISTED }
  const except = new Set(sources.probing.twins.applicationIds())
  const { applications: failing } = await listApplications(cache, { environment, failing: true, except }, page, reports)
  const applications = await countApplications(cache, environment, reports, except)
  const waiting =
    applications.waiting === 0
      ? []
      : (await listApplications(cache, { environment, waiting: true, except }, page, reports)).applications
  const sideEffects = await sources.sideEffects.counts().catch(() => undefined)
  return {
    ...{ environment, brake: cache.brake(environment), applications, failing, waiting, gateways, sideEffects },
    ...{ historyLostAt, now: Date.now() },
  }
}
