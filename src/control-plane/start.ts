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
import { migrate } from '../storage/index.ts'
import { openAccess } from './access/access.ts'
import { TokenBook } from './access/tokens/token-book.ts'
import { establishRoutingSecret, establishTokens } from './access/tokens/token-files.ts'
import { auditRoutes } from './api/audit/audit.ts'
import { chatOpsRoutes } from './api/chatops/chatops.ts'
import { deploymentRoutes } from './api/chatops/deployments.ts'
import { slackRoutes } from './api/chatops/slack.ts'
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
import { effectRoutes } from './api/operations/effects.ts'
import { healthRoutes } from './api/operations/health.ts'
import { statusRoutes } from './api/operations/status.ts'
import { tailRoutes } from './api/operations/tail.ts'
import { tokenRoutes } from './api/operations/tokens.ts'
import { oidcRoutes } from './api/sign-in/oidc.ts'
import { sessionRoutes } from './api/sign-in/sessions.ts'
import { signInRoutes } from './api/sign-in/sign-in.ts'
import { AuditWatch } from './audit/audit-watch.ts'
import { ChatOps } from './chatops/chat-ops.ts'
import { openAlarms } from './chatops/checks/open-alarms.ts'
import type { CommitSource } from './chatops/releases/commit-source.ts'
import { gitRepository } from './chatops/releases/git-repository.ts'
import { gitLab } from './chatops/releases/gitlab.ts'
import type { Api, Plane } from './control-context.ts'
import { adaptersOf } from './effects/adapters.ts'
import { Courier } from './effects/courier.ts'
import { flagEventOf } from './effects/flag-event.ts'
import { EffectMetrics } from './effects/metrics.ts'
import { EffectOutbox } from './effects/outbox.ts'
import { loadDefinitions } from './flags/definition-files.ts'
import { FlagLives } from './flags/flag-lives.ts'
import { enforceDefaults } from './flags/iam-by-default.ts'
import { GatewayRegistry } from './gateways/gateway-registry.ts'
import { iamCredentials } from './iam-state/iam-credentials.ts'
import { iamGrants } from './iam-state/iam-grants.ts'
import { createMetrics } from './metrics.ts'
import { MIGRATIONS } from './migrations.ts'
import { formBody } from './requests/request-parameters.ts'
import { LeaderLease } from './rollouts/leadership/leadership.ts'
import type { ControlPlaneSettings } from './settings.ts'
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
  const effects = new EffectOutbox(settings.database, schema)
  const adapters = adaptersOf(settings.effects ?? { qaChannels: {} }, definitions)
  const store = openStore(settings.database, schema, async (tx, recorded, version) => {
    const event = flagEventOf(recorded, version)
    if (event)
      await effects.add(
        tx,
        event,
        adapters.filter((one) => one.concerns(event)).map(({ kind }) => kind),
      )
  })
  const tokens = new TokenBook(settings.database, schema)
  await establishTokens(settings, { store, tokens }, log)
  await enforceDefaults(store, iamByDefault)
  const feed = await ChangeFeed.open(store, definitions, log)
  const leadership = await LeaderLease.join(settings.database, schema, log)
  const streams = new SnapshotStreams(feed)
  const gateways = new GatewayRegistry(store, log, () => feed.view.position, iamByDefault)
  const unfollow = feed.subscribe(() => gateways.superseded())
  const metrics = createMetrics(feed, {
    streams: () => streams.size,
    gateways: () => gateways.own(),
    isLeader: () => leadership.isLeader,
  })
  const reasonsRequired = settings.reasonsRequired ?? []
  const environment = settings.environment ?? DEFAULT_ENVIRONMENT
  const grants = iamGrants(settings.iam)
  const chatops = new ChatOps(settings.chatops ?? { rules: DEFAULT_RULES, slack: undefined, teams: [] }, {
    plane: { log, definitions, store, feed, gateways, reasonsRequired, environment, iamGrants: grants },
    alarms: settings.chatops?.alarms === undefined ? async () => [] : openAlarms(settings.chatops.alarms),
    sources: commitSources(settings),
    commands: metrics.commands,
  })
  const tracing = openTracing(settings.tracing, log)
  meterSpans(metrics.registry, tracing)
  const effectMetrics = new EffectMetrics(effects, metrics.registry)
  const courier = new Courier({
    outbox: effects,
    adapters,
    log,
    onEnd: (kind, state) => effectMetrics.ended(kind, state),
  })
  const unwatch = feed.subscribe(() => courier.wake())
  const plane: Plane = {
    log,
    definitions,
    store,
    feed,
    leadership,
    tokens,
    access: openAccess(store, settings.access),
    metrics,
    streams,
    gateways,
    chatops,
    effects,
    courier,
    flagLives: new FlagLives(store, definitions, log, metrics.registry),
    routingSecret,
    noise: new LineBudget(settings.logSampling, (left_out, interval_seconds) =>
      log.info({ controller: ROUTING_CONTROLLER, left_out, interval_seconds }, 'oauth routing left out'),
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
    iamCredentials: iamCredentials(settings.iam),
    iamGrants: grants,
  }
  const auditWatch = new AuditWatch(store, log, metrics.registry)
  const stopFollowing = async () => {
    auditWatch.close()
    plane.noise.close()
    plane.flagLives.close()
    unwatch()
    await courier.close()
    streams.close()
    await chatops.close()
    unfollow()
    await gateways.close()
    await leadership.close()
    await feed.close()
    await tracing?.close()
  }
  try {
    const api = await createApi(plane, settings)
    const connections = new NodeConnections(api.server, new ReadAheadBudget())
    api.server.on('connection', (socket) => connections.take(socket))
    const address = await listen(api, settings.listen)
    return {
      address,
      url: `http://${formatListenAddress(address)}`,
      close: (graceMs) => close({ api, connections, plane, stopFollowing }, graceMs ?? DRAIN_MS),
    }
  } catch (error) {
    await stopFollowing()
    throw error
  }
}

function commitSources({ commits = {} }: ControlPlaneSettings): CommitSource[] {
  const { repository, gitlab } = commits
  return [...(repository === undefined ? [] : [gitRepository(repository)]), ...(gitlab ? [gitLab(gitlab)] : [])]
}

/** Builds the API, ready to listen. */
async function createApi(plane: Plane, { trustedProxies = [] }: ControlPlaneSettings): Promise<Api> {
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
  renderErrors(api, plane)
  traceRequests(api, plane)
  countRequests(api, plane)
  requireRoles(api, plane)
  recordRefusals(api, plane)
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
      effectRoutes,
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
      tailRoutes,
      explainRoutes,
      ofrepRoutes,
      healthRoutes,
    ]) {
      add(routes, plane)
    }
  })
  await api.ready()
  return api
}

/** Work and log lines of a request carry its correlation id and its span, if there is one. */
function traceRequests(api: Api, { tracing }: Plane): void {
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

function countRequests(api: Api, plane: Plane): void {
  api.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched'
    const { method } = request
    plane.metrics.requests.inc({ method, route, status: String(reply.statusCode) })
    plane.metrics.duration.observe({ route }, reply.elapsedTime / 1_000)
    plane.log.debug({ correlation_id: request.id, method, route, status: reply.statusCode }, 'request answered')
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
  readonly plane: Plane
  readonly stopFollowing: () => Promise<void>
}

async function close({ api, connections, plane, stopFollowing }: Closing, graceMs: number): Promise<void> {
  plane.streams.close()
  // Commands that wait for a production check are answered now.
  const finishing = plane.chatops.close()
  // Before the API closes, because it answers 503 from then on.
  await drainServer(api.server, [connections], { graceMs, idleMs: Math.min(IDLE_MS, graceMs / 4) })
  await api.close()
  await finishing
  await stopFollowing()
}
