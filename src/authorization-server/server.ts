import type { HttpReply, HttpRequest } from '../http/index.ts'
import { assertSchemaName } from '../storage/index.ts'
import { errorReply } from './authorization/answers.ts'
import {
  approveAuthorization,
  beginAuthorization,
  denyAuthorization,
  issueCode,
  refuseAuthorization,
} from './authorization/authorize.ts'
import { approveDevice, findDevice } from './authorization/device-approval.ts'
import { preAuthorize } from './authorization/pre-authorize.ts'
import type { AuthorizationServer } from './authorization-server.ts'
import { createClientDirectory } from './clients/client-directory.ts'
import { policyFor } from './clients/policy.ts'
import type { Core } from './core/core.ts'
import { resolveSettings } from './core/settings.ts'
import { preflightReply, withCors } from './cors.ts'
import type { AuthorizationServerDependencies } from './dependencies.ts'
import { accessTokenOf, bearerOf, malformed, refusal } from './endpoints/bearer.ts'
import { limited } from './endpoints/limited-endpoint.ts'
import { tokenInUri } from './endpoints/uri-credentials.ts'
import { createKeyStore } from './keys/key-store.ts'
import { createKeyRing } from './keys/ring.ts'
import { createRequestLimits } from './limits/request-limits.ts'
import { readParameters } from './parameters/read.ts'
import { scalarOf } from './parameters/value.ts'
import { nativeCodeBody, plainLayout, publicError } from './responses/pages.ts'
import { conditional, pageReply } from './responses/replies.ts'
import { endpointOf, type Route, routeOf } from './routes.ts'
import type { ApplicationStore } from './store/applications.ts'
import { createApplicationStore } from './store/applications.ts'
import { createDeviceStore } from './store/devices.ts'
import { createEndedSubjectStore } from './store/ended-subjects.ts'
import { createGrantStore } from './store/grants.ts'
import {
  type CredentialKind,
  createLiveCredentialStore,
  type LiveCredentialStore,
  type RevokedBatch,
} from './store/live-credentials.ts'
import { createMaintenance } from './store/maintenance.ts'
import { createSecurityEventStore } from './store/security-events.ts'
import { createTokenStore } from './store/tokens.ts'
import { userCodeGuesses } from './store/user-code-guesses.ts'
import { createUserGrantStore } from './store/user-grants.ts'

/** Assembles the endpoints over the tables of a schema. Throws when the schema's name is invalid. */
export function createAuthorizationServer(dependencies: AuthorizationServerDependencies): AuthorizationServer {
  const { database, schema } = dependencies
  assertSchemaName(schema)
  const settings = resolveSettings(dependencies.settings)
  const applications = createApplicationStore(database, schema, (clientId) => clients.forget(clientId))
  const clients = createClientDirectory(applications, (application) => policyFor(settings.policy, application))
  const core: Core = {
    settings,
    clients,
    owners: dependencies.resourceOwners,
    tokens: createTokenStore(database, schema),
    grants: createGrantStore(database, schema),
    devices: createDeviceStore(database, schema),
    securityEvents: createSecurityEventStore(database, schema),
    keys: createKeyRing({
      store: createKeyStore(database, schema),
      sealingKeys: settings.sealingKeys,
      policy: settings.keyPolicy,
      order: settings.compatibility.order,
      ...(dependencies.onKeyChange ? { onChange: dependencies.onKeyChange } : {}),
    }),
    tokenIssuer: dependencies.tokenIssuer,
    layout: dependencies.layout ?? plainLayout,
    limits: dependencies.limits ?? createRequestLimits(),
    onGrant: dependencies.onGrant ?? (() => {}),
    onSecurityEvent: dependencies.onSecurityEvent ?? (() => {}),
  }
  const maintenance = createMaintenance(database, schema)
  const live = createLiveCredentialStore(database, schema)
  const ended = createEndedSubjectStore(database, schema)
  return {
    handle: (request) => handle(core, request),
    readParameters,
    scopes: settings.listedScopes,
    preAuthorize: (parameters) => preAuthorize(core, parameters),
    begin: (parameters, owner, context) => beginAuthorization(core, parameters, owner, context),
    approve: (parameters, owner, origin) => approveAuthorization(core, parameters, owner, origin),
    deny: (parameters) => denyAuthorization(core, parameters),
    issueCode: (request, owner, origin) => issueCode(core, request, owner, origin),
    refuse: (request, told) => refuseAuthorization(core, request, told),
    errorReply: (error) => errorReply(core, error),
    grants: createUserGrantStore(database, schema),
    nativePage: (parameters) => {
      const body = nativeCodeBody(scalarOf(parameters, 'code') ?? '')
      return pageReply(200, core.layout({ title: 'Authorization code', body }))
    },
    guessUserCode: userCodeGuesses(database, schema, dependencies.userCodeLimits),
    findDevice: (userCode) => findDevice(core, userCode),
    approveDevice: (userCode, owner) => approveDevice(core, userCode, owner),
    async findAccessToken(token) {
      const stored = await core.tokens.findByAccess(token)
      return stored && accessTokenOf(stored, Date.now())
    },
    bearerOf,
    async refuseTokenInUri(request, clientId) {
      const failed = await tokenInUri(core, request, clientId)
      return failed && malformed(failed, settings.compatibility)
    },
    admit: (token, scopes) => refusal(token, scopes, settings.compatibility),
    signJwt: (claims, header) => core.keys.signJwt(claims, header, settings.accessTokenAlgorithm),
    signingKeys: core.keys,
    jwks: async () => ({ keys: await core.keys.publicKeys() }),
    policyFor: (application) => policyFor(settings.policy, application),
    applications,
    securityEvents: (since) => core.securityEvents.list(since),
    liveCredentials: {
      list: (page) => live.list(page, Date.now()),
      revoke: (clientId, kinds) => revokeLive(core, { applications, live }, clientId, kinds),
    },
    subjects: {
      end: (subject, how, within) => ended.end(subject, how, within),
      admit: (subject, within) => ended.admit(subject, within),
      async sweep(subject) {
        const tokensRevoked = await ended.sweep(subject, Date.now())
        const nothing = { clientId: null, applicationId: null, familyId: null, firstUsedAt: null }
        core.onSecurityEvent({ kind: 'user_credentials_ended', subject, tokensRevoked, ...nothing })
        return tokensRevoked
      },
    },
    async reset() {
      core.limits.clear()
      await maintenance.reset()
    },
    advance: (seconds) => maintenance.advance(seconds),
    async purge() {
      await core.keys.upkeep()
      return maintenance.purge()
    },
  }
}

async function revokeLive(
  core: Core,
  from: { readonly applications: ApplicationStore; readonly live: LiveCredentialStore },
  clientId: string,
  kinds: readonly CredentialKind[],
): Promise<RevokedBatch | undefined> {
  const application = await from.applications.find(clientId)
  if (application === undefined) return undefined
  const batch = await from.live.revoke({ id: application.id, clientId }, kinds, Date.now())
  const tokensRevoked = batch.tokens + batch.codes + batch.deviceCodes
  if (tokensRevoked > 0) {
    const nobody = { subject: null, familyId: null, firstUsedAt: null }
    const applicationId = application.id
    core.onSecurityEvent({ kind: 'credentials_revoked', clientId, applicationId, tokensRevoked, ...nobody })
  }
  return batch
}

async function handle(core: Core, request: HttpRequest): Promise<HttpReply | undefined> {
  const route = routeOf(request.path)
  if (route === undefined) return undefined
  const preflight = preflightReply(request, route)
  if (preflight !== undefined) return preflight
  const reply = await answer(core, request, route)
  const unvaried = route.suffixed ? { ...reply, headers: reply.headers.filter(([name]) => name !== 'Vary') } : reply
  return withCors(request, route, conditional(request.method, request.headers['if-none-match'], unvaried))
}

/** An unsupported method is 404, whatever the parameters are (docs/doorkeeper.md, 24). */
async function answer(core: Core, request: HttpRequest, route: Route): Promise<HttpReply> {
  const read = readParameters(request)
  const endpoint = endpointOf(route, read.method)
  if (endpoint === undefined) return publicError(404, request)
  return read.ok ? limited(core, route.name, endpoint, { http: request, parameters: read.parameters }) : read.reply
}
