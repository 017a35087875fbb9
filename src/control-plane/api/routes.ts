import type { Api, ControlContext } from '../control-context.ts'
import { auditRoutes } from './audit/audit.ts'
import { chatOpsRoutes } from './chatops/chatops.ts'
import { deploymentRoutes } from './chatops/deployments.ts'
import { slackRoutes } from './chatops/slack.ts'
import { consoleRoutes } from './console/console-pages.ts'
import { environmentRoutes } from './console/environments.ts'
import { liveRoutes } from './console/live.ts'
import { meRoutes } from './console/me.ts'
import { overviewRoutes } from './console/overview.ts'
import { trafficRoutes } from './console/traffic.ts'
import { explainRoutes } from './decisions/explain.ts'
import { routingRoutes } from './decisions/routing.ts'
import { featureRoutes } from './flags/features.ts'
import { flagRoutes } from './flags/flags.ts'
import { ofrepRoutes } from './flags/ofrep.ts'
import { oneFlagRoutes } from './flags/one-flag.ts'
import { staleFlagRoutes } from './flags/stale-flags.ts'
import { gatewayRoutes } from './gateways/gateways.ts'
import { snapshotRoutes } from './gateways/snapshot.ts'
import { applicationRoutes } from './operations/applications.ts'
import { brakeRoutes } from './operations/brake.ts'
import { channelRoutes } from './operations/channels.ts'
import { credentialRoutes } from './operations/credentials.ts'
import { healthRoutes } from './operations/health.ts'
import { replicationRoutes } from './operations/replication.ts'
import { sideEffectRoutes } from './operations/side-effects.ts'
import { statusRoutes } from './operations/status.ts'
import { tokenRoutes } from './operations/tokens.ts'
import { checklistRoutes } from './rollouts/checklist.ts'
import { drillRoutes } from './rollouts/drills.ts'
import { guardRoutes } from './rollouts/guards.ts'
import { rolloutIssueRoutes } from './rollouts/issue.ts'
import { outcomeRoutes } from './rollouts/outcomes.ts'
import { planCheckRoutes } from './rollouts/plan-check.ts'
import { probeRoutes } from './rollouts/probes.ts'
import { problemRoutes } from './rollouts/problems.ts'
import { rolloutReportRoutes } from './rollouts/report.ts'
import { rolloutDetailsRoutes } from './rollouts/rollout-details.ts'
import { rolloutRoutes } from './rollouts/rollouts.ts'
import { simulationRoutes } from './rollouts/simulation.ts'
import { oidcRoutes } from './sign-in/oidc.ts'
import { sessionRoutes } from './sign-in/sessions.ts'
import { signInRoutes } from './sign-in/sign-in.ts'

const ROUTES: ReadonlyArray<(routes: Api, control: ControlContext) => void> = [
  featureRoutes,
  flagRoutes,
  oneFlagRoutes,
  staleFlagRoutes,
  sideEffectRoutes,
  channelRoutes,
  applicationRoutes,
  replicationRoutes,
  brakeRoutes,
  auditRoutes,
  snapshotRoutes,
  routingRoutes,
  gatewayRoutes,
  statusRoutes,
  chatOpsRoutes,
  slackRoutes,
  tokenRoutes,
  sessionRoutes,
  signInRoutes,
  oidcRoutes,
  deploymentRoutes,
  credentialRoutes,
  explainRoutes,
  rolloutRoutes,
  rolloutReportRoutes,
  planCheckRoutes,
  rolloutDetailsRoutes,
  guardRoutes,
  simulationRoutes,
  rolloutIssueRoutes,
  problemRoutes,
  ofrepRoutes,
  healthRoutes,
  outcomeRoutes,
  probeRoutes,
  drillRoutes,
  checklistRoutes,
  consoleRoutes,
  liveRoutes,
  meRoutes,
  overviewRoutes,
  environmentRoutes,
  trafficRoutes,
]

/** Adds every route of the API. */
export function addRoutes(api: Api, control: ControlContext): void {
  for (const add of ROUTES) add(api, control)
}
