import { DEFAULT_RULES } from '../../chatops/index.ts'
import {
  type ClientConnections,
  DRAIN_MS,
  drainServer,
  formatListenAddress,
  type ListenAddress,
  NodeConnections,
  ReadAheadBudget,
  StaticBuild,
} from '../../http/index.ts'
import { LineBudget, type Log, meterSpans, openTracing } from '../../observability/index.ts'
import { openAccess } from '../access/access.ts'
import { establishRoutingSecret } from '../access/tokens/token-files.ts'
import { ROUTING_CONTROLLER } from '../api/decisions/routing.ts'
import { AuditWatch } from '../audit/audit-watch.ts'
import { ChatOps } from '../chatops/chat-ops.ts'
import { openAlarms } from '../chatops/checks/open-alarms.ts'
import type { AlarmSource } from '../chatops/checks/production-check.ts'
import type { CommitSource } from '../chatops/releases/commit-source.ts'
import { createGitRepositorySource } from '../chatops/releases/git-repository.ts'
import { createGitLabSource } from '../chatops/releases/gitlab.ts'
import type { Api, ControlContext } from '../control-context.ts'
import { FlagLives } from '../flags/flag-lives.ts'
import { createIamCredentials } from '../iam-state/iam-credentials.ts'
import { createIamGrants } from '../iam-state/iam-grants.ts'
import type { ControlPlaneSettings } from '../settings.ts'
import { LiveStreams } from '../state/live/live-streams.ts'
import { openRollouts, type RolloutParts } from './rollouts.ts'
import { createApi, listen } from './server.ts'
import { openState } from './state.ts'

/** How long an idle connection is kept when the server stops. */
const IDLE_MS = 250

/** A running control plane. */
export interface RunningControlPlane {
  readonly url: string
  readonly address: ListenAddress
  /**
   * Ends the streams, lets requests in progress finish for `graceMs` (default 10,000), then closes the remaining
   * connections.
   */
  close(graceMs?: number): Promise<void>
}

/**
 * Starts the control plane: migrates its schema, reads the definitions, makes tokens valid, loads the snapshot,
 * listens. Rejects with `ControlPlaneFault` for invalid definitions or secret files, and with `ListenError` if
 * the address cannot be bound; nothing remains running then.
 */
export async function startControlPlane(settings: ControlPlaneSettings, log: Log): Promise<RunningControlPlane> {
  const { control, stop } = await openControlPlane(settings, log)
  try {
    const api = await createApi(control, settings)
    const connections = new NodeConnections(api.server, new ReadAheadBudget())
    api.server.on('connection', (socket) => connections.take(socket))
    const address = await listen(api, settings.listen)
    return {
      address,
      url: `http://${formatListenAddress(address)}`,
      close: (graceMs) => close({ api, connections, control, stop }, graceMs ?? DRAIN_MS),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Puts the parts together; `stop` ends what they run. */
async function openControlPlane(settings: ControlPlaneSettings, log: Log) {
  const { routingSecretFile, reasonsRequired = [] } = settings
  const routingSecret = routingSecretFile === undefined ? undefined : establishRoutingSecret(routingSecretFile)
  const state = await openState(settings, log, (...flag) => rollouts.isInRollout(...flag))
  const { definitions, environment, store, feed, gateways, metrics } = state
  const iamGrants = createIamGrants(settings.iam)
  const tracing = openTracing(settings.tracing, log)
  meterSpans(metrics.registry, tracing)
  const commits = commitSources(settings)
  const alarms: AlarmSource =
    settings.chatops?.alarms === undefined ? async () => [] : openAlarms(settings.chatops.alarms)
  const rollouts: RolloutParts = await openRollouts(settings, state, { alarms, commits, iamGrants }, log)
  const chatops = new ChatOps(settings.chatops ?? { rules: DEFAULT_RULES, slack: undefined, teams: [] }, {
    dependencies: { log, definitions, store, feed, gateways, reasonsRequired, environment, iamGrants },
    alarms,
    sources: commits,
    commands: metrics.commands,
    rollouts: { feed, rollouts: rollouts.rollouts },
  })
  const logSampling = new LineBudget(settings.logSampling, (left_out, interval_seconds) =>
    log.info(
      { controller: ROUTING_CONTROLLER, left_out, interval_seconds },
      'oauth routing lines omitted from the log',
    ),
  )
  const access = openAccess(store, settings.access)
  const live = new LiveStreams({ store, feed, gateways, log, valid: (ids) => access.sessions.stillValid(ids) })
  const auditWatch = new AuditWatch(store, log, metrics.registry)
  const control: ControlContext = {
    ...state,
    ...rollouts,
    ...{ log, chatops, tracing, routingSecret, logSampling, reasonsRequired, iamGrants, access, live, auditWatch },
    consoleBuild: new StaticBuild(settings.consoleDirectory),
    flagLives: new FlagLives(store, definitions, log, metrics.registry),
    forwardAuthOpen: settings.forwardAuthOpen ?? false,
    credentialMarks: {
      extraIamPrefixes: [],
      iamJwtIssuer: undefined,
      legacyJwtIssuer: undefined,
      verifierKey: undefined,
      ...settings.credentialMarks,
    },
    relativeUrlRoot: settings.relativeUrlRoot ?? '',
    platformCreatesAtIam: settings.platformCreatesAtIam ?? false,
    iamCredentials: createIamCredentials(settings.iam),
  }
  const stop = async () => {
    auditWatch.close()
    await live.close()
    control.flagLives.close()
    logSampling.close()
    await chatops.close()
    await rollouts.close()
    await state.close()
    await tracing?.close()
  }
  return { control, stop }
}

function commitSources({ commits = {} }: ControlPlaneSettings): CommitSource[] {
  const { repository, gitlab } = commits
  return [
    ...(repository === undefined ? [] : [createGitRepositorySource(repository)]),
    ...(gitlab ? [createGitLabSource(gitlab)] : []),
  ]
}

interface Closing {
  readonly api: Api
  readonly connections: ClientConnections
  readonly control: ControlContext
  readonly stop: () => Promise<void>
}

async function close({ api, connections, control, stop }: Closing, graceMs: number): Promise<void> {
  control.streams.close()
  const silenced = control.live.close()
  // Commands that wait for a production check are answered now.
  const finishing = control.chatops.close()
  // Before the API closes, because it answers 503 from then on.
  await drainServer(api.server, [connections], { graceMs, idleMs: Math.min(IDLE_MS, graceMs / 4) })
  await api.close()
  await Promise.all([finishing, silenced])
  await stop()
}
