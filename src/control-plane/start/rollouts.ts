import { DEFAULT_RULES } from '../../chatops/index.ts'
import type { Log } from '../../observability/index.ts'
import { ACTIVE_STATES } from '../../rollouts/index.ts'
import { issueSource } from '../api/rollouts/issue-source.ts'
import type { AlarmSource } from '../chatops/checks/production-check.ts'
import type { CommitSource } from '../chatops/releases/commit-source.ts'
import type { IamGrants } from '../iam-state/iam-grants.ts'
import { createOutcomeMetrics } from '../outcomes/metrics.ts'
import { OutcomeStore } from '../outcomes/outcome-store.ts'
import { Outcomes } from '../outcomes/outcomes.ts'
import { type Checklists, createChecklists } from '../rollouts/checklist/checklists.ts'
import { cohortsOf } from '../rollouts/engine/cohorts.ts'
import { type EngineOptions, RolloutEngine } from '../rollouts/engine/engine.ts'
import { RolloutMetrics } from '../rollouts/engine/metrics.ts'
import { requiredDrill } from '../rollouts/engine/required-drill.ts'
import { requiredItems } from '../rollouts/engine/required-items.ts'
import { chatOpsRules } from '../rollouts/engine/rules.ts'
import { usualTraffic } from '../rollouts/engine/usual-traffic.ts'
import { meterGuards } from '../rollouts/guards/guard-metrics.ts'
import { LiveGuards } from '../rollouts/guards/live-guards.ts'
import type { ChannelName } from '../rollouts/notifications/channel.ts'
import { channelsOf } from '../rollouts/notifications/channels.ts'
import { openNotifications } from '../rollouts/notifications/open-notifications.ts'
import { createRolloutIssues, issueChannel, type RolloutIssues } from '../rollouts/notifications/rollout-issue.ts'
import { mayNotify } from '../rollouts/notifications/webhook.ts'
import { openProbing, type Probing } from '../rollouts/probes/probing.ts'
import { Rollouts } from '../rollouts/rollouts.ts'
import { RolloutStore } from '../rollouts/store/rollout-store.ts'
import type { ControlPlaneSettings } from '../settings.ts'
import { issueApiOf } from '../side-effects/gitlab-addresses.ts'
import type { ControlState, IsInRollout } from './state.ts'

/** What rollouts take from the other parts of the control plane. */
export interface RolloutSources {
  readonly alarms: AlarmSource
  readonly commits: readonly CommitSource[]
  readonly iamGrants: IamGrants
}

/** Rollouts and all that judges, prepares and reports them. */
export interface RolloutParts {
  readonly rollouts: Rollouts
  readonly rolloutIssues: RolloutIssues
  readonly outcomes: Outcomes
  readonly guards: LiveGuards
  readonly probing: Probing
  readonly checklists: Checklists
  readonly notificationChannels: readonly ChannelName[]
  readonly isInRollout: IsInRollout
  close(): Promise<void>
}

/** Opens outcomes, guards, probes, checklists and notifications, and starts the engine, which acts while it leads. */
export async function openRollouts(
  settings: ControlPlaneSettings,
  state: ControlState,
  { alarms, commits, iamGrants }: RolloutSources,
  log: Log,
): Promise<RolloutParts> {
  const { store, feed, definitions, gateways, leadership, environment, metrics } = state
  const { database, schema } = store
  const { registry } = metrics
  const { rules } = settings.chatops ?? { rules: DEFAULT_RULES }
  const rolloutStore: RolloutStore = new RolloutStore(schema, (tx, id, { number }) => notifier.note(tx, id, number))
  const gitlab = settings.sideEffects?.gitlab
  const rolloutIssues = createRolloutIssues(
    (id) => issueSource({ rollouts, definitions, checklists }, id),
    gitlab && { token: gitlab.token, apiOf: (url) => issueApiOf(gitlab, url) },
  )
  const { notifications } = settings
  const channels = [...channelsOf(notifications ?? {}), ...(gitlab ? [issueChannel(rolloutIssues)] : [])]
  const notifier = openNotifications(
    { database, schema, settings: notifications, channels, log, metrics: registry },
    rolloutStore,
  )
  const rollouts = new Rollouts({
    ...{ store, feed, definitions, rules, log, rollouts: rolloutStore },
    reasonsRequired: settings.reasonsRequired ?? [],
    allowsShort: settings.testControls === true,
    channels: channels.map(({ name }) => name),
    mayNotify: (webhook) => mayNotify(notifications?.webhook, webhook),
    onChange: () => {
      engine.wake()
      notifier.wake()
    },
  })
  const probing = openProbing(settings.probes, {
    ...{ environment, store, feed, leadership, log, guards: () => guards },
    iamVersion: () => iamGrants.version(),
  })
  const outcomes: Outcomes = new Outcomes({
    ...{ store: new OutcomeStore(database, schema), leadership, log },
    ...createOutcomeMetrics(registry, () => outcomes.starts.followed),
    isProbe: (id: number) => probing.twins.isProbe(id),
    hasApplication: (id) => feed.cache.application(id) !== undefined,
  })
  const prometheus = settings.chatops?.alarms?.kind === 'prometheus' ? settings.chatops.alarms : undefined
  const guards = new LiveGuards({ store, leadership, outcomes: outcomes.feed, feed, log, queryServer: prometheus })
  await outcomes.start()
  meterGuards(guards, registry)
  const directory = settings.dashboardsDirectory
  const checklists = createChecklists({
    ...{ store, feed, gateways, probing, minGateways: rules.productionCheck.minGateways },
    releases: { dependencies: { store, gateways }, sources: commits },
    dashboards: prometheus && directory !== undefined ? { directory, prometheus } : undefined,
    issues: settings.commits?.gitlab ?? gitlab,
  })
  const engine = openEngine(
    state,
    { rollouts, probing, checklists, alarms, guards: settings.guards ?? guards, onDecision: () => notifier.wake() },
    log,
  )
  return {
    ...{ rollouts, rolloutIssues, outcomes, guards, probing, checklists },
    notificationChannels: channels.map(({ name }) => name),
    async isInRollout(where, flag) {
      const active = await rollouts.list({ environment: where, states: ACTIVE_STATES, limit: 200 })
      return active.some(({ plan }) => plan.flag === flag)
    },
    async close() {
      await engine.close()
      await notifier.close()
      await guards.close()
      await outcomes.close()
      await probing.close()
    },
  }
}

/** What the engine works with, besides the state. */
interface EngineParts {
  readonly rollouts: Rollouts
  readonly guards: EngineOptions['guards']
  readonly probing: Probing
  readonly checklists: Checklists
  readonly alarms: AlarmSource
  readonly onDecision: () => void
}

/** Starts the engine of rollouts. */
function openEngine(
  { store, gateways, leadership, metrics }: ControlState,
  { rollouts, guards, probing, checklists, alarms, onDecision }: EngineParts,
  log: Log,
): RolloutEngine {
  const { dependencies } = rollouts
  const { rules } = dependencies
  const rolloutMetrics = new RolloutMetrics(rollouts, metrics.registry)
  const engine = new RolloutEngine({
    ...{ dependencies, leadership, log, guards },
    ...{ traffic: (where) => usualTraffic(store, where, Date.now(), probing.twins), cohorts: () => cohortsOf(store) },
    obstacles: [
      chatOpsRules({ dependencies, gateways, rules, alarms }),
      requiredItems(checklists),
      requiredDrill({ dependencies, probing, leadership, log }),
    ],
    onDecision: (verdict) => {
      rolloutMetrics.decided(verdict)
      onDecision()
    },
  })
  engine.start()
  return engine
}
