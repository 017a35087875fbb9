import { randomUUID } from 'node:crypto'
import swagger from '@fastify/swagger'
import fastify from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { DEFAULT_RULES } from '../chatops/index.ts'
import { DEFAULT_ENVIRONMENT, type Definitions } from '../flags/index.ts'
import {
  type ClientConnections,
  DRAIN_MS,
  drainServer,
  formatListenAddress,
  type ListenAddress,
  ListenError,
  NodeConnections,
  plainAddress,
  ReadAheadBudget,
  StaticBuild,
  TrustedProxies,
} from '../http/index.ts'
import {
  endSpan,
  givenCorrelationId,
  LineBudget,
  type Log,
  meterSpans,
  openTracing,
  runInRequest,
  type Span,
  spanOfRequest,
} from '../observability/index.ts'
import { ACTIVE_STATES } from '../rollouts/index.ts'
import { migrate } from '../storage/index.ts'
import { openAccess } from './access/access.ts'
import { establishRoutingSecret, establishTokens } from './access/tokens/token-files.ts'
import { TokenStore } from './access/tokens/token-store.ts'
import { auditRoutes } from './api/audit/audit.ts'
import { chatOpsRoutes } from './api/chatops/chatops.ts'
import { deploymentRoutes } from './api/chatops/deployments.ts'
import { slackRoutes } from './api/chatops/slack.ts'
import { consoleRoutes } from './api/console/console-pages.ts'
import { explainRoutes } from './api/decisions/explain.ts'
import { ROUTING_CONTROLLER, routingRoutes } from './api/decisions/routing.ts'
import { featureRoutes } from './api/flags/features.ts'
import { flagRoutes } from './api/flags/flags.ts'
import { ofrepRoutes } from './api/flags/ofrep.ts'
import { staleFlagRoutes } from './api/flags/stale-flags.ts'
import { gatewayRoutes } from './api/gateways/gateways.ts'
import { snapshotRoutes } from './api/gateways/snapshot.ts'
import { requireRoles } from './api/hooks/authentication.ts'
import { boundJson } from './api/hooks/bounded-json.ts'
import { renderErrors } from './api/hooks/errors.ts'
import { recordRefusals } from './api/hooks/refusals.ts'
import { applicationRoutes } from './api/operations/applications.ts'
import { brakeRoutes } from './api/operations/brake.ts'
import { credentialRoutes } from './api/operations/credentials.ts'
import { healthRoutes } from './api/operations/health.ts'
import { sideEffectRoutes } from './api/operations/side-effects.ts'
import { statusRoutes } from './api/operations/status.ts'
import { tokenRoutes } from './api/operations/tokens.ts'
import { checklistRoutes } from './api/rollouts/checklist.ts'
import { drillRoutes } from './api/rollouts/drills.ts'
import { guardRoutes } from './api/rollouts/guards.ts'
import { rolloutIssueRoutes } from './api/rollouts/issue.ts'
import { issueSource } from './api/rollouts/issue-source.ts'
import { outcomeRoutes } from './api/rollouts/outcomes.ts'
import { probeRoutes } from './api/rollouts/probes.ts'
import { problemRoutes } from './api/rollouts/problems.ts'
import { rolloutRoutes } from './api/rollouts/rollouts.ts'
import { simulationRoutes } from './api/rollouts/simulation.ts'
import { oidcRoutes } from './api/sign-in/oidc.ts'
import { sessionRoutes } from './api/sign-in/sessions.ts'
import { signInRoutes } from './api/sign-in/sign-in.ts'
import { AuditWatch } from './audit/audit-watch.ts'
import { ChatOps } from './chatops/chat-ops.ts'
import { openAlarms } from './chatops/checks/open-alarms.ts'
import type { AlarmSource } from './chatops/checks/production-check.ts'
import type { CommitSource } from './chatops/releases/commit-source.ts'
import { createGitRepositorySource } from './chatops/releases/git-repository.ts'
import { createGitLabSource } from './chatops/releases/gitlab.ts'
import type { Api, ControlContext } from './control-context.ts'
import { loadDefinitions } from './flags/definition-files.ts'
import { switchOffAfterFailedTests } from './flags/failed-tests.ts'
import { FlagLives } from './flags/flag-lives.ts'
import { enforceDefaults } from './flags/iam-by-default.ts'
import { GatewayRegistry } from './gateways/gateway-registry.ts'
import { createIamCredentials } from './iam-state/iam-credentials.ts'
import { createIamGrants } from './iam-state/iam-grants.ts'
import { createMetrics } from './metrics.ts'
import { MIGRATIONS } from './migrations.ts'
import { createOutcomeMetrics } from './outcomes/metrics.ts'
import { OutcomeStore } from './outcomes/outcome-store.ts'
import { Outcomes } from './outcomes/outcomes.ts'
import { formBody } from './requests/request-parameters.ts'
import { createChecklists } from './rollouts/checklist/checklists.ts'
import { cohortsOf } from './rollouts/engine/cohorts.ts'
import { RolloutEngine } from './rollouts/engine/engine.ts'
import { RolloutMetrics } from './rollouts/engine/metrics.ts'
import { chatOpsRules } from './rollouts/engine/rules.ts'
import { usualTraffic } from './rollouts/engine/usual-traffic.ts'
import { meterGuards } from './rollouts/guards/guard-metrics.ts'
import { LiveGuards } from './rollouts/guards/live-guards.ts'
import type { QueryServer } from './rollouts/guards/metric-query.ts'
import { LeaderLease } from './rollouts/leadership/leadership.ts'
import { channelsOf } from './rollouts/notifications/channels.ts'
import { openNotifications } from './rollouts/notifications/open-notifications.ts'
import { createRolloutIssues, issueChannel } from './rollouts/notifications/rollout-issue.ts'
import { openProbing } from './rollouts/probes/probing.ts'
import { Rollouts } from './rollouts/rollouts.ts'
import { RolloutStore } from './rollouts/store/rollout-store.ts'
import type { ControlPlaneSettings } from './settings.ts'
import type { SideEffectAdapter } from './side-effects/adapter.ts'
import { adaptersOf } from './side-effects/adapters.ts'
import { SideEffectDispatcher } from './side-effects/dispatcher.ts'
import { flagEventOf } from './side-effects/flag-event.ts'
import { issueApiOf } from './side-effects/gitlab-addresses.ts'
import { SideEffectMetrics } from './side-effects/metrics.ts'
import { SideEffectOutbox } from './side-effects/outbox.ts'
import { ChangeFeed } from './state/feed.ts'
import { SnapshotStreams } from './state/snapshot-streams.ts'
import { openStore } from './state/store.ts'

const BODY_LIMIT = 1 << 20
const REQUEST_LIMIT_MS = 30_000
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
 * listens. Rejects with `ControlPlaneFault` for invalid definitions or secret files, and with {@link ListenError} if
 * the address cannot be bound; nothing remains running then.
 */
export async function startControlPlane(settings: ControlPlaneSettings, log: Log): Promise<RunningControlPlane> {
  const iamByDefault = new Set(settings.iamByDefault)
  const definitions: Definitions = { ...loadDefinitions(settings.definitionsDirectory), iamByDefault }
  const routingSecret =
    settings.routingSecretFile === undefined ? undefined : establishRoutingSecret(settings.routingSecretFile)
  const schema = settings.schema ?? 'control'
  await migrate(settings.database, schema, MIGRATIONS)
  const sideEffects = new SideEffectOutbox(settings.database, schema)
  const adapters: readonly SideEffectAdapter[] = adaptersOf(
    settings.sideEffects ?? { qaChannels: {} },
    definitions,
    async ({ environment, name }, url) => {
      const isInRollout = async () => {
        const active = await rollouts.list({ environment, states: ACTIVE_STATES, limit: 200 })
        return active.some(({ plan }) => plan.flag === name)
      }
      await switchOffAfterFailedTests({ store, definitions }, isInRollout, { environment, name, url })
    },
  )
  const store = openStore(settings.database, schema, async (tx, recorded, version) => {
    const event = flagEventOf(recorded, version)
    if (event)
      await sideEffects.add(
        tx,
        event,
        adapters.filter((one) => one.concerns(event)).map(({ kind }) => kind),
      )
  })
  const tokens = new TokenStore(settings.database, schema)
  await establishTokens(settings, { store, tokens }, log)
  await enforceDefaults(store, iamByDefault)
  const feed = await ChangeFeed.open(store, definitions, log)
  const leadership = await LeaderLease.join(settings.database, schema, log)
  const streams = new SnapshotStreams(feed)
  const gateways = new GatewayRegistry(store, log, () => feed.cache.position, iamByDefault)
  const unfollow = feed.subscribe(() => gateways.superseded())
  const metrics = createMetrics(feed, {
    streams: () => streams.size,
    gateways: () => gateways.own(),
    isLeader: () => leadership.isLeader,
  })
  const reasonsRequired = settings.reasonsRequired ?? []
  const environment = settings.environment ?? DEFAULT_ENVIRONMENT
  const grants = createIamGrants(settings.iam)
  const rules = settings.chatops?.rules ?? DEFAULT_RULES
  const allowsShort = settings.testControls === true
  const rolloutStore: RolloutStore = new RolloutStore(schema, (tx, id, { number }) => notifier.note(tx, id, number))
  const gitlab = settings.sideEffects?.gitlab
  const rolloutIssues = createRolloutIssues(
    (id) => issueSource({ rollouts, definitions, checklists }, id),
    gitlab && { token: gitlab.token, apiOf: (url) => issueApiOf(gitlab, url) },
  )
  const { database, notifications } = settings
  const channels = [...channelsOf(notifications ?? {}), ...(gitlab ? [issueChannel(rolloutIssues)] : [])]
  const notifier = openNotifications(
    { database, schema, settings: notifications, channels, log, metrics: metrics.registry },
    rolloutStore,
  )
  const rollouts = new Rollouts({
    ...{ store, feed, definitions, rules, reasonsRequired, allowsShort, log, rollouts: rolloutStore },
    onChange: () => {
      engine.wake()
      notifier.wake()
    },
  })
  const alarms: AlarmSource =
    settings.chatops?.alarms === undefined ? async () => [] : openAlarms(settings.chatops.alarms)
  const chatops = new ChatOps(settings.chatops ?? { rules, slack: undefined, teams: [] }, {
    dependencies: { log, definitions, store, feed, gateways, reasonsRequired, environment, iamGrants: grants },
    alarms,
    sources: commitSources(settings),
    commands: metrics.commands,
    rollouts: { feed, rollouts },
  })
  const tracing = openTracing(settings.tracing, log)
  meterSpans(metrics.registry, tracing)
  const sideEffectMetrics = new SideEffectMetrics(sideEffects, metrics.registry)
  const dispatcher = new SideEffectDispatcher({
    outbox: sideEffects,
    adapters,
    log,
    onEnd: (kind, state) => sideEffectMetrics.ended(kind, state),
  })
  const unwatch = feed.subscribe(() => dispatcher.wake())
  const probing = openProbing(settings.probes, {
    ...{ environment, store, feed, leadership, log, guards: () => guards },
    iamVersion: () => grants.version(),
  })
  const outcomeMetrics = createOutcomeMetrics(metrics.registry, () => outcomes?.starts.followed ?? 0)
  const outcomes = await Outcomes.open({
    ...{
      store: new OutcomeStore(settings.database, schema),
      leadership,
      log,
      ...outcomeMetrics,
      isProbe: (id: number) => probing.twins.isProbe(id),
    },
    hasApplication: (id) => feed.cache.application(id) !== undefined,
  })
  const queryServer = queryServerOf(settings)
  const guards = new LiveGuards({ store, leadership, outcomes: outcomes.feed, feed, log, queryServer })
  meterGuards(guards, metrics.registry)
  const checklists = createChecklists({
    ...{ store, feed, gateways, probing, minGateways: rules.productionCheck.minGateways },
    releases: { dependencies: { store, gateways }, sources: commitSources(settings) },
    dashboards: dashboardSource(settings),
    issues: settings.commits?.gitlab ?? settings.sideEffects?.gitlab,
  })
  const rolloutMetrics = new RolloutMetrics(rollouts, metrics.registry)
  const engine = new RolloutEngine({
    ...{ ground: rollouts.ground, leadership, log, guards: settings.guards ?? guards },
    ...{ traffic: (where) => usualTraffic(store, where, Date.now()), cohorts: () => cohortsOf(store) },
    obstacles: [chatOpsRules({ ground: rollouts.ground, gateways, rules, alarms })],
    onDecision: (verdict) => {
      rolloutMetrics.decided(verdict)
      notifier.wake()
    },
  })
  engine.start()
  const control: ControlContext = {
    log,
    definitions,
    store,
    feed,
    leadership,
    outcomes,
    guards,
    rollouts,
    rolloutIssues,
    tokens,
    access: openAccess(store, settings.access),
    consoleBuild: new StaticBuild(settings.consoleDirectory),
    metrics,
    streams,
    gateways,
    chatops,
    sideEffects,
    dispatcher,
    flagLives: new FlagLives(store, definitions, log, metrics.registry),
    routingSecret,
    logSampling: new LineBudget(settings.logSampling, (left_out, interval_seconds) =>
      log.info(
        { controller: ROUTING_CONTROLLER, left_out, interval_seconds },
        'oauth routing lines omitted from the log',
      ),
    ),
    tracing,
    forwardAuthOpen: settings.forwardAuthOpen ?? false,
    environment,
    credentialMarks: {
      extraIamPrefixes: [],
      iamJwtIssuer: undefined,
      legacyJwtIssuer: undefined,
      verifierKey: undefined,
      ...settings.credentialMarks,
    },
    reasonsRequired,
    relativeUrlRoot: settings.relativeUrlRoot ?? '',
    platformCreatesAtIam: settings.platformCreatesAtIam ?? false,
    iamCredentials: createIamCredentials(settings.iam),
    iamGrants: grants,
    probing,
    checklists,
  }
  const auditWatch = new AuditWatch(store, log, metrics.registry)
  const stopFollowing = async () => {
    auditWatch.close()
    await engine.close()
    control.logSampling.close()
    control.flagLives.close()
    unwatch()
    await dispatcher.close()
    await notifier.close()
    streams.close()
    await chatops.close()
    unfollow()
    await gateways.close()
    await guards.close()
    await outcomes.close()
    await probing.close()
    await leadership.close()
    await feed.close()
    await tracing?.close()
  }
  try {
    const api = await createApi(control, settings)
    const connections = new NodeConnections(api.server, new ReadAheadBudget())
    api.server.on('connection', (socket) => connections.take(socket))
    const address = await listen(api, settings.listen)
    return {
      address,
      url: `http://${formatListenAddress(address)}`,
      close: (graceMs) => close({ api, connections, control, stopFollowing }, graceMs ?? DRAIN_MS),
    }
  } catch (error) {
    await stopFollowing()
    throw error
  }
}

/** PromQL queries are asked where the production check looks for alarms, if that is Prometheus. */
function queryServerOf({ chatops }: ControlPlaneSettings): QueryServer | undefined {
  return chatops?.alarms?.kind === 'prometheus' ? chatops.alarms : undefined
}

/** The dashboards are asked where open alarms are, if that is a Prometheus. */
function dashboardSource({ chatops, dashboardsDirectory: directory }: ControlPlaneSettings) {
  const { alarms } = chatops ?? {}
  if (alarms?.kind !== 'prometheus' || directory === undefined) return undefined
  return { directory, prometheus: { url: alarms.url, token: alarms.token } }
}

function commitSources({ commits = {} }: ControlPlaneSettings): CommitSource[] {
  const { repository, gitlab } = commits
  return [
    ...(repository === undefined ? [] : [createGitRepositorySource(repository)]),
    ...(gitlab ? [createGitLabSource(gitlab)] : []),
  ]
}

/** Builds the API, ready to listen. */
async function createApi(control: ControlContext, { trustedProxies = [] }: ControlPlaneSettings): Promise<Api> {
  const proxies = new TrustedProxies(trustedProxies)
  const api: Api = fastify({
    trustProxy: (address) => proxies.has(plainAddress(address)),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_LIMIT_MS,
    genReqId: (message) => givenCorrelationId(message.headers['x-request-id']) ?? randomUUID(),
    routerOptions: { maxParamLength: 512 },
  }).withTypeProvider<ZodTypeProvider>()
  api.setValidatorCompiler(validatorCompiler)
  api.setSerializerCompiler(serializerCompiler)
  api.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, formBody(body.toString('latin1')))
  })
  boundJson(api)
  renderErrors(api, control)
  traceRequests(api, control)
  countRequests(api, control)
  requireRoles(api, control)
  recordRefusals(api, control)
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Handover control plane', version: '1', description: 'Flags, applications, routing decisions.' },
      components: {
        securitySchemes: {
          privateToken: { type: 'apiKey', in: 'header', name: 'PRIVATE-TOKEN' },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
      security: [{ privateToken: [] }, { bearer: [] }],
    },
    transform: jsonSchemaTransform,
  })
  api.get('/api/openapi.json', { config: { roles: 'anyone' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(api.swagger())),
  )
  api.register(async (routes: Api) => {
    for (const add of [
      featureRoutes,
      flagRoutes,
      staleFlagRoutes,
      sideEffectRoutes,
      applicationRoutes,
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
    ]) {
      add(routes, control)
    }
  })
  await api.ready()
  return api
}

/** Work and log lines of a request carry its correlation id and its span, if there is one. */
function traceRequests(api: Api, { tracing }: ControlContext): void {
  const spans = new WeakMap<object, Span>()
  api.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, id: correlationId } = request
    const route = request.routeOptions.url ?? 'unmatched'
    const span = spanOfRequest(tracing, { method, route, traceparent: headers['traceparent'], correlationId })
    if (span) spans.set(request, span)
    runInRequest({ correlationId, span }, done)
  })
  api.addHook('onResponse', async (request, reply) => endSpan(spans.get(request), reply.statusCode))
}

function countRequests(api: Api, control: ControlContext): void {
  api.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched'
    const { method } = request
    control.metrics.requests.inc({ method, route, status: String(reply.statusCode) })
    control.metrics.duration.observe({ route }, reply.elapsedTime / 1_000)
    control.log.debug({ correlation_id: request.id, method, route, status: reply.statusCode }, 'request answered')
  })
}

async function listen(api: Api, wanted: ListenAddress): Promise<ListenAddress> {
  try {
    await api.listen({ host: wanted.host, port: wanted.port })
  } catch (error) {
    await api.close()
    throw new ListenError(wanted, error as NodeJS.ErrnoException)
  }
  const bound = api.server.address()
  return { host: wanted.host, port: bound !== null && typeof bound === 'object' ? bound.port : wanted.port }
}

interface Closing {
  readonly api: Api
  readonly connections: ClientConnections
  readonly control: ControlContext
  readonly stopFollowing: () => Promise<void>
}

async function close({ api, connections, control, stopFollowing }: Closing, graceMs: number): Promise<void> {
  control.streams.close()
  // Commands that wait for a production check are answered now.
  const finishing = control.chatops.close()
  // Before the API closes, because it answers 503 from then on.
  await drainServer(api.server, [connections], { graceMs, idleMs: Math.min(IDLE_MS, graceMs / 4) })
  await api.close()
  await finishing
  await stopFollowing()
}
