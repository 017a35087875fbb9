import type { Environment } from '../../../flags/index.ts'
import { type ChecklistEntry, checklistOf, type ItemCheck, type PlannedItems } from '../../../rollouts/index.ts'
import { deployedParts, type ReleaseTools } from '../../chatops/releases/releases.ts'
import { gatewayHealth } from '../../gateways/gateway-health.ts'
import type { GatewayRegistry } from '../../gateways/gateway-registry.ts'
import type { ChangeFeed } from '../../state/feed.ts'
import { hasArrived } from '../../state/model.ts'
import type { Store } from '../../state/store.ts'
import type { Probing } from '../probes/probing.ts'
import { changeIssueCheck, type IssueSource } from './change-issue-check.ts'
import { type DashboardSource, dashboardsCheck } from './dashboards-check.ts'
import { deployedCheck } from './deployed-check.ts'
import { drillCheck, gatewaysCheck, probesCheck, replicatedCheck } from './system-checks.ts'
import { type ChecklistScope, ticksOf } from './ticks.ts'

/** What a checklist cannot know by itself. */
export interface ChecklistSubject extends ChecklistScope {
  /** The commit that has to be deployed. */
  readonly commit?: string | undefined
  readonly changeIssue?: string | undefined
  /** The applications that will be moved; undefined: all that are announced. */
  readonly applicationIds?: readonly number[] | undefined
  /** The plan of the rollout. */
  readonly plan?: PlannedItems | undefined
}

/** The parts that the checks look at. */
export interface ChecklistParts {
  readonly store: Store
  readonly feed: ChangeFeed
  readonly gateways: GatewayRegistry
  readonly probing: Probing
  readonly releases: ReleaseTools
  readonly minGateways: number
  readonly dashboards: DashboardSource | undefined
  readonly issues: IssueSource | undefined
}

/** The checklist of an environment or of a rollout, as it stands now. Every check has a time limit. */
export type Checklists = (subject: ChecklistSubject) => Promise<readonly ChecklistEntry[]>

/** Creates the checks of a control plane. A check that cannot look is `unknown` or `open`, and never fails the others. */
export function createChecklists(parts: ChecklistParts): Checklists {
  const { store, feed, gateways, probing, releases } = parts
  return async (subject) => {
    const { environment, commit } = subject
    await feed.catchUp()
    const looks = {
      deployed: async () =>
        deployedCheck(
          environment,
          commit,
          commit === undefined ? [] : await deployedParts(releases, environment, commit),
        ),
      gateways_ready: async () => gatewaysCheck(gatewayHealth(await gateways.all(), environment), parts.minGateways),
      applications_replicated: async () => replicated(parts, subject.applicationIds),
      dashboards: () => dashboardsCheck(parts.dashboards),
      change_issue: () => changeIssueCheck(parts.issues, subject.changeIssue),
      fail_open_drill: () => drill(probing, environment, 'fail_open'),
      guard_drill: () => drill(probing, environment, 'guard'),
      probes: async () =>
        environment === probing.environment ? probesCheck(await probing.latest(), new Date()) : elsewhere(probing),
    }
    const checks = await Promise.all(
      Object.entries(looks).map(async ([item, look]) => [item, await look().catch(notChecked)] as const),
    )
    return checklistOf({ checks: Object.fromEntries(checks), ticks: await ticksOf(store, subject), plan: subject.plan })
  }
}

function replicated({ feed, probing }: ChecklistParts, ids: readonly number[] | undefined): ItemCheck {
  const { cache } = feed
  if (ids !== undefined) {
    const missing = ids.filter((id) => {
      const application = cache.application(id)
      return application === undefined || !hasArrived(application)
    })
    return replicatedCheck(missing, ids.length)
  }
  const real = cache.applications().filter(({ id }) => !probing.twins.isProbe(id))
  const missing = real.filter((one) => !hasArrived(one)).map(({ id }) => id)
  return replicatedCheck(missing, real.length)
}

async function drill(probing: Probing, environment: Environment, name: 'guard' | 'fail_open'): Promise<ItemCheck> {
  const current = await probing.currentDrill(environment, name)
  const last = environment === probing.environment ? await probing.latestDrill(name) : undefined
  return drillCheck(current, last, probing.noDrillBecause(environment))
}

function elsewhere({ environment }: Probing): ItemCheck {
  return { state: 'unknown', sentence: `this control plane probes ${environment} only` }
}

function notChecked(): ItemCheck {
  return { state: 'unknown', sentence: 'the check itself failed; see the log of the control plane' }
}
