import {
  authorizationMigrations,
  createAuthorizationServer,
  createRequestLimits,
  type GrantEvent,
  hexTokenIssuer,
  limitLog,
  securityLogLine,
} from '../authorization-server/index.ts'
import { type ListenAddress, type RunningServer, serve } from '../http/index.ts'
import { type Log, openTracing } from '../observability/index.ts'
import {
  createControlPlaneTarget,
  createIamTarget,
  type ReplicationTarget,
  type Replicator,
  startReplicator,
} from '../replication/index.ts'
import { isReachable, migrate } from '../storage/index.ts'
import { applicationRegistry } from './applications/registry.ts'
import { applicationSource } from './applications/source.ts'
import { routeTable } from './browser/routes.ts'
import { startCleanUp } from './clean-up.ts'
import { sharedGrants } from './grants/shared-grants.ts'
import { createLoginChallenges } from './handoff/login-challenge.ts'
import { createResourceOwnerEndpoint } from './handoff/resource-owner.ts'
import { createIamClient } from './iam-client/iam-client.ts'
import { type MonolithMetrics, monolithMetrics, startMetricsServer } from './metrics.ts'
import { monolithMigrations } from './migrations.ts'
import { coreLayout } from './pages/layout.ts'
import { apiUserEndpoint } from './routes/api-user.ts'
import { applicationPages } from './routes/applications.ts'
import { authorizePages } from './routes/authorize-pages.ts'
import { authorizedApplicationPages } from './routes/authorized-applications.ts'
import { consentPages } from './routes/consent-pages.ts'
import { devicePages } from './routes/device-pages.ts'
import { currentRequestId, monolithHandler } from './routes/handler.ts'
import { homePages } from './routes/home.ts'
import { signInPages } from './routes/sign-in.ts'
import { testControl } from './routes/test-controls.ts'
import { plantSeed } from './seed.ts'
import { knownBrowsers } from './sessions/known-browser.ts'
import { sessionKey } from './sessions/session-key.ts'
import { databaseSessions } from './sessions/signed-in-sessions.ts'
import type { MonolithSettings } from './settings.ts'
import { accounts } from './users/accounts.ts'
import { adminApi } from './users/admin-api.ts'
import { type IamUsers, startIamUsers } from './users/iam-users.ts'
import { TEST_COST } from './users/password.ts'
import { boundedPasswordCheck } from './users/password-checks.ts'
import { signInThrottle } from './users/sign-in-throttle.ts'
import { databaseUsers } from './users/users.ts'

/** A running monolith. */
export interface RunningMonolith {
  /** `http://host:port`, as bound. */
  readonly url: string
  readonly address: ListenAddress
  /** The address of the metrics, if they are served. */
  readonly metricsUrl: string | undefined
  /** Replicates applications to IAM and the control plane; has no targets when neither is configured. */
  readonly replicator: Replicator
  /**
   * Stops serving and delivering, and waits for the current clean-up; the database stays open, as it belongs to the
   * caller.
   */
  close(): Promise<void>
}

const PURGE_EVERY_MS = 600_000

/**
 * Starts the monolith: migrates its tables, plants the seed, starts replication and listens. Rejects with `ListenError`
 * when the address cannot be bound and with `StorageError` when the tables cannot be created.
 */
export async function startMonolith(settings: MonolithSettings, log: Log): Promise<RunningMonolith> {
  const { database, issuer, iam: iamSettings, schema = 'monolith' } = settings
  await migrate(database, schema, monolithMigrations)
  await migrate(database, `${schema}_oauth`, authorizationMigrations)
  const users = databaseUsers(database, schema, settings.testControls ? TEST_COST : undefined)
  const sessions = databaseSessions(database, schema)
  const tracing = openTracing(settings.tracing, log)
  const metrics = monolithMetrics(tracing)
  const throttle = signInThrottle(settings.limits?.signIn)
  const checkPassword = boundedPasswordCheck((username, password) => users.authenticate(username, password), throttle)
  const limits = createRequestLimits({
    ...settings.limits?.requests,
    trustedProxies: settings.trustedProxies,
    onReached: limitLog((line, text) => log.warn(line, text)),
  })
  const key = await sessionKey(database, schema, settings.stateKey)
  const core = createAuthorizationServer({
    database,
    schema: `${schema}_oauth`,
    resourceOwners: {
      find: (id) => users.find(id),
      authenticate: (username, password, network) => checkPassword({ username, network }, password),
    },
    tokenIssuer: hexTokenIssuer,
    settings: {
      ...settings.tokens,
      issuer,
      claims: settings.claims,
      doorkeeperVersion: settings.doorkeeperVersion,
      sealingKey: settings.stateKey,
      policy: settings.policy,
      reuseGraceSeconds: settings.reuseGraceSeconds,
    },
    onGrant: (event) => noteGrant(log, metrics, event),
    onSecurityEvent: (event) => {
      metrics.securityEvent(event)
      log.warn(securityLogLine(event), 'security event')
    },
    onKeyChange: ({ change, kid, algorithm }) =>
      log.info({ event: 'signing_key', change, kid, alg: algorithm }, 'signing key'),
    layout: coreLayout,
    limits,
    userCodeLimits: settings.limits?.userCodes,
  })
  const registry = applicationRegistry(database, schema, core.applications)
  if (settings.seed) log.info(await plantSeed(settings.seed, users, registry), 'seed loaded')
  const iam = iamSettings && createIamClient({ url: iamSettings.internalUrl, token: iamSettings.token, issuer })
  const grants = sharedGrants({ database, schema, core, iam, log })
  const challenges = iam && createLoginChallenges(iam, grants, log)
  const carrier: { users?: IamUsers } = {}
  const looked = accounts(database, schema, core, () => carrier.users?.wake())
  if (iam) carrier.users = startIamUsers({ database, schema, iam, users, accounts: looked, log })
  const { adminToken: token } = settings
  const handler = monolithHandler({
    core,
    users,
    sessions,
    issuer,
    log,
    tracing,
    pages: routeTable({
      ...homePages(grants),
      ...authorizedApplicationPages(grants),
      ...signInPages({
        ...{ users, sessions, checkPassword, challenges },
        browsers: knownBrowsers(key),
        limits,
        issuer,
      }),
      ...authorizePages(core, sessions, grants),
      ...devicePages({ core, iam, grants, log, limits, confirms: settings.confirmDevice ?? false }),
      ...consentPages({ iam, grants, log }),
      ...applicationPages({ registry, policyFor: core.policyFor, scopes: core.scopes }),
    }),
    sessionKey: key,
    limits,
    apiUser: apiUserEndpoint({ core, iam, limits, log }),
    admin: token === undefined ? undefined : adminApi({ token, users, accounts: looked, limits, log }),
    resourceOwner: createResourceOwnerEndpoint({ token: iamSettings?.token, checkPassword, grants }),
    testControl: settings.testControls
      ? (request) => testControl(request, { core, users, throttle, grants })
      : undefined,
    isReady: () => isReachable(database),
  })
  const servers: RunningServer[] = []
  const closeServers = (graceMs?: number) => Promise.all(servers.map((one) => one.close(graceMs)))
  const failed = async (error: unknown): Promise<never> => {
    await Promise.all([closeServers(0), grants.stop(), carrier.users?.stop()])
    throw error
  }
  const server = await serve({ listen: settings.listen, handler: metrics.timed(handler), log }).catch(failed)
  servers.push(server)
  const { metricsListen } = settings
  const metricsServer = metricsListen && (await startMetricsServer(metricsListen, metrics, log).catch(failed))
  if (metricsServer) servers.push(metricsServer)
  const replicator = await startReplicator({
    database,
    schema,
    source: applicationSource(core.applications, registry),
    targets: targetsOf(settings),
    log,
    onProgress: metrics.replication,
  }).catch(failed)
  const cleanUp = startCleanUp(() => Promise.all([sessions.purge(), core.purge()]), PURGE_EVERY_MS, log)
  return {
    url: server.url,
    address: server.address,
    metricsUrl: metricsServer?.url,
    replicator,
    async close() {
      await Promise.all([closeServers(), replicator.stop(), cleanUp.stop(), grants.stop(), carrier.users?.stop()])
      await tracing?.close()
    },
  }
}

function targetsOf({ iam, control }: MonolithSettings): ReplicationTarget[] {
  const targets: ReplicationTarget[] = []
  if (iam) targets.push(createIamTarget({ url: iam.internalUrl, token: iam.token }))
  if (control) targets.push(createControlPlaneTarget(control))
  return targets
}

function noteGrant(log: Log, metrics: MonolithMetrics, event: GrantEvent): void {
  metrics.grant(event)
  const { grantType, clientId, applicationId } = event
  const line = {
    event: 'oauth_application:auth',
    client_id: clientId,
    application_id: applicationId,
    grant_type: grantType,
    correlation_id: currentRequestId(),
  }
  log.info(line, 'oauth application authorized')
}
