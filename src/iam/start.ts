import {
  type AuthorizationServer,
  authorizationMigrations,
  createAuthorizationServer,
  createRequestLimits,
  type GrantEvent,
  limitLog,
  type RequestLimits,
  type SecurityEvent,
  type SigningKeyChange,
  securityLogLine,
} from '../authorization-server/index.ts'
import { serve } from '../http/index.ts'
import { LineBudget, type Log, openTracing } from '../observability/index.ts'
import { isReachable, migrate } from '../storage/index.ts'
import { verifierFor } from './challenges/challenge.ts'
import { ChallengeStore } from './challenges/challenge-store.ts'
import { startCleanUp } from './challenges/clean-up.ts'
import { createOpenLogins } from './challenges/open-logins.ts'
import { createInternalApi } from './internal/api.ts'
import { iamMigrations } from './migrations.ts'
import { passwordCheck } from './public/password-check.ts'
import { createPublicApi } from './public/public-api.ts'
import type { IamSettings, RunningIam } from './settings.ts'
import { ReplicatedApplications } from './stores/replicated-applications.ts'
import { createResourceOwnerTable, type ResourceOwnerTable } from './stores/resource-owner-store.ts'
import { createKeyLog } from './telemetry/key-log.ts'
import { createIamMetrics, type IamMetrics } from './telemetry/metrics.ts'
import { currentCorrelationId, logged } from './telemetry/request-log.ts'
import { createIamTokenIssuer } from './token-issuer/token-issuer.ts'

const INTERNAL_BODY_LIMIT = 1 << 20

/**
 * Migrates the schema and serves both ports. Rejects with `ListenError` when a port is unavailable and with
 * `StorageError` when the schema cannot be migrated; nothing is left running then.
 */
export async function startIam(settings: IamSettings, log: Log): Promise<RunningIam> {
  if (settings.verifierKey.length !== 32) throw new TypeError('verifierKey must be 32 bytes')
  const issuer = settings.issuer.replace(/\/$/, '')
  const { database, verifierKey, schema = 'iam' } = settings
  const handOffSchema = `${schema}_handoff`
  await migrate(database, schema, authorizationMigrations)
  await migrate(database, handOffSchema, iamMigrations)

  const challengeSeconds = (settings.challengeHours ?? 24) * 3_600
  const challenges = new ChallengeStore(database, handOffSchema, verifierKey, challengeSeconds)
  const owners: ResourceOwnerTable = createResourceOwnerTable(database, handOffSchema, () => core, challenges)
  const tracing = openTracing(settings.tracing, log)
  const logSampling = new LineBudget(settings.logSampling, (left_out, interval_seconds) =>
    log.info({ left_out, interval_seconds }, 'requests omitted from the log'),
  )
  const metrics = createIamMetrics(() => challenges.countOpen(), tracing)
  const told = limitLog((line, text) => log.warn({ ...line, correlation_id: currentCorrelationId() }, text))
  const limits = createRequestLimits({
    ...settings.limits,
    trustedProxies: settings.trustedProxies,
    onReached: (reached) => {
      metrics.limited(reached)
      told(reached)
    },
  })
  const core: AuthorizationServer = protocolCore({ ...settings, issuer }, schema, owners, {
    onGrant: grantLog(log, metrics),
    onSecurityEvent: securityLog(log, metrics),
    onKeyChange: createKeyLog(log),
    limits,
  })
  const to = {
    ...{ core, challenges, owners, database, verifierKey, issuer, metrics, log, limits },
    logins: createOpenLogins(settings.maxOpenLogins, (most) => challenges.countOpenLogins(most)),
    testControls: settings.testControls ?? false,
    ready: () => isReachable(database),
    loginUrl: settings.loginUrl ?? `${issuer}/users/sign_in`,
    consentUrl: settings.consentUrl ?? `${issuer}/-/iam/consent`,
    browserSeconds: challengeSeconds,
  }
  const open = await serve({
    listen: settings.listen,
    handler: logged({ log, tracing, logSampling }, 'public', createPublicApi(to)),
    log,
  })
  const internal = createInternalApi({
    ...to,
    internalToken: settings.internalToken,
    applications: new ReplicatedApplications(database, handOffSchema, core.applications),
    devicePage: `${issuer}/oauth/device`,
    grantTypes: grantTypesOf(settings),
    version: settings.version,
    metrics: () => metrics.text(),
    redirectTo(kind, challenge, clientId) {
      const expiresAt = Date.now() / 1_000 + challengeSeconds
      const verifier = verifierFor(kind, challenge, verifierKey, expiresAt)
      const client = clientId === '' ? '' : `&client_id=${encodeURIComponent(clientId)}`
      return `${issuer}/oauth/authorize?${kind}_verifier=${verifier}${client}`
    },
  })
  const inside = await serve({
    listen: settings.internalListen,
    handler: logged({ log, tracing, logSampling }, 'internal', internal),
    log,
    bodyLimit: INTERNAL_BODY_LIMIT,
  }).catch(async (error: unknown) => {
    await open.close(0)
    throw error
  })
  const cleanUp = startCleanUp({
    ...{ database, schema: handOffSchema, challenges, core, log },
    mostOpen: settings.maxOpenLogins,
  })
  log.info({ url: open.url, internal_url: inside.url, issuer }, 'IAM auth service started')
  return {
    url: open.url,
    internalUrl: inside.url,
    address: open.address,
    internalAddress: inside.address,
    async close() {
      await Promise.all([open.close(), inside.close(), cleanUp.stop()])
      logSampling.close()
      await tracing?.close()
    },
  }
}

function protocolCore(
  settings: IamSettings,
  schema: string,
  owners: ResourceOwnerTable,
  hooks: {
    readonly onGrant: (event: GrantEvent) => void
    readonly onSecurityEvent: (event: SecurityEvent) => void
    readonly onKeyChange: (change: SigningKeyChange) => void
    readonly limits: RequestLimits
  },
): AuthorizationServer {
  const { database, issuer, resourceOwnerUrl, internalToken } = settings
  const policy = settings.protocol?.policy
  const tokenIssuer = createIamTokenIssuer({
    format: settings.accessTokenFormat ?? 'opaque',
    issuer,
    audience: settings.jwtAudience ?? 'gitlab-rails',
    sign: (claims) => core.signJwt(claims),
  })
  const core: AuthorizationServer = createAuthorizationServer({
    database,
    schema,
    tokenIssuer,
    ...hooks,
    userCodeLimits: settings.userCodeLimits,
    resourceOwners: {
      find: (id) => owners.find(id),
      ...(resourceOwnerUrl === undefined
        ? {}
        : { authenticate: passwordCheck(resourceOwnerUrl, internalToken, owners) }),
    },
    settings: {
      verificationUri: `${issuer}/oauth/device`,
      ...settings.protocol,
      signingKeys: { ...keyLifetime(settings.signingKeyDays), ...settings.protocol?.signingKeys },
      policy: { ...policy, rules: { refresh_reuse: 'revoke', code_replay: 'revoke', ...policy?.rules } },
      issuer,
    },
  })
  return core
}

const GRANT_TYPES = [
  'authorization_code',
  'client_credentials',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
]

/** The platform checks passwords, so the password grant needs its address. */
function grantTypesOf({ resourceOwnerUrl }: IamSettings): string[] {
  return resourceOwnerUrl === undefined ? GRANT_TYPES : [...GRANT_TYPES, 'password']
}

function keyLifetime(days = 90): { lifetimeSeconds?: number } {
  return days === 0 ? {} : { lifetimeSeconds: days * 86_400 }
}

function grantLog(log: Log, metrics: IamMetrics): (event: GrantEvent) => void {
  return (event) => {
    metrics.grant(event)
    log.info(
      {
        event: 'oauth_application:auth',
        client_id: event.clientId,
        application_id: event.applicationId,
        grant_type: event.grantType,
        correlation_id: currentCorrelationId(),
      },
      'grant',
    )
  }
}

function securityLog(log: Log, metrics: IamMetrics): (event: SecurityEvent) => void {
  return (event) => {
    metrics.securityEvent(event)
    log.warn({ ...securityLogLine(event), correlation_id: currentCorrelationId() }, 'security event')
  }
}
