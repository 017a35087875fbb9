import { INTERNAL_PATHS } from '../../handoff/index.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../http/index.ts'
import type { ReplicatedApplications } from '../stores/replicated-applications.ts'
import { invalidRequest, isAuthorized, json, notFound } from './answer.ts'
import { deleteClient, digestClients, listClients, putClient, putClients } from './clients.ts'
import { acceptConsent, type ConsentDependencies, rejectConsent, showConsent } from './consent.ts'
import { acceptDevice, type CredentialDependencies, introspect, showDevice } from './credentials.ts'
import { listGrants, revokeGrants } from './grants.ts'
import { health } from './health.ts'
import { listKeys, retireKey, rotateKeys } from './keys.ts'
import { listLiveCredentials, revokeCredentials } from './live-credentials.ts'
import { securityEvents } from './security-events.ts'
import { acceptLogin, rejectLogin, showLogin } from './sign-in.ts'
import { deleteUser, listUsers, putUser, revokeUser } from './users.ts'

/** What the internal port depends on. */
export interface InternalApiDependencies extends ConsentDependencies, CredentialDependencies {
  readonly internalToken: string
  readonly applications: ReplicatedApplications
  /** The grant types that this service can serve with its current settings. */
  readonly grantTypes: readonly string[]
  readonly version: string | undefined
  /** Resolves to whether this service may receive traffic. */
  ready(): Promise<boolean>
  /** The metrics in Prometheus text format. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
}

type Route = (request: HttpRequest) => Promise<HttpReply>

/**
 * The internal port: the contract of the handoff folder, protected by its token, and `/healthz`, `/readyz` and
 * `/metrics`, which expose no secrets and need no token.
 */
export function createInternalApi(to: InternalApiDependencies): HttpHandler {
  const open = openRoutes(to)
  const guarded = guardedRoutes(to)
  return async (request) => {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const healthy = await health(request, to.ready)
    if (healthy) return healthy
    const free = open.get(request.path)
    if (free) return method === 'GET' ? free(request) : json(405, { error: 'method_not_allowed' })
    if (!isAuthorized(request, to.internalToken)) return json(401, { error: 'unauthorized' })
    const methods = guarded.get(request.path)
    if (!methods) return removal(to, request, method)
    const route = methods[method]
    return route ? route(request) : json(405, { error: 'method_not_allowed' })
  }
}

function openRoutes(to: InternalApiDependencies): Map<string, Route> {
  return new Map<string, Route>([
    [
      '/metrics',
      async () => {
        const { contentType, text } = await to.metrics()
        return { status: 200, headers: [['Content-Type', contentType]], body: text }
      },
    ],
  ])
}

function guardedRoutes(to: InternalApiDependencies): Map<string, Record<string, Route>> {
  return new Map<string, Record<string, Route>>([
    [INTERNAL_PATHS.login, { GET: (request) => showLogin(to, request) }],
    [INTERNAL_PATHS.loginAccept, { PUT: (request) => acceptLogin(to, request) }],
    [INTERNAL_PATHS.loginReject, { PUT: (request) => rejectLogin(to, request) }],
    [INTERNAL_PATHS.consent, { GET: (request) => showConsent(to, request) }],
    [INTERNAL_PATHS.consentAccept, { PUT: (request) => acceptConsent(to, request) }],
    [INTERNAL_PATHS.consentReject, { PUT: (request) => rejectConsent(to, request) }],
    [INTERNAL_PATHS.device, { GET: (request) => showDevice(to, request) }],
    [INTERNAL_PATHS.deviceAccept, { PUT: (request) => acceptDevice(to, request) }],
    [INTERNAL_PATHS.capabilities, { GET: async () => json(200, { grant_types: to.grantTypes, version: to.version }) }],
    [INTERNAL_PATHS.keys, { GET: () => listKeys(to.core) }],
    [INTERNAL_PATHS.keysRotate, { POST: () => rotateKeys(to.core) }],
    [INTERNAL_PATHS.keysRetire, { POST: (request) => retireKey(to.core, request) }],
    [INTERNAL_PATHS.securityEvents, { GET: (request) => securityEvents(to.core, request) }],
    [INTERNAL_PATHS.credentials, { GET: (request) => listLiveCredentials(to.core, request) }],
    [INTERNAL_PATHS.credentialsRevoke, { POST: (request) => revokeCredentials(to.core, request) }],
    [INTERNAL_PATHS.grants, { GET: (request) => listGrants(to, request) }],
    [INTERNAL_PATHS.grantsRevoke, { POST: (request) => revokeGrants(to, request) }],
    [
      INTERNAL_PATHS.users,
      { GET: (request) => listUsers(to.owners, request), PUT: (request) => putUser(to.owners, request) },
    ],
    [INTERNAL_PATHS.usersRevoke, { POST: (request) => revokeUser(to.owners, request) }],
    [INTERNAL_PATHS.introspect, { POST: (request) => introspect(to, request) }],
    [
      INTERNAL_PATHS.clients,
      {
        GET: (request) => listClients(to.applications, request),
        PUT: (request) => putClient(to.applications, request),
        POST: (request) => putClients(to.applications, request),
      },
    ],
    [INTERNAL_PATHS.clientDigests, { GET: (request) => digestClients(to.applications, request) }],
  ])
}

/** DELETE of one application or user; its id is the last segment of the path. */
async function removal(to: InternalApiDependencies, request: HttpRequest, method: string): Promise<HttpReply> {
  const clientId = idAfter(INTERNAL_PATHS.clients, request.path)
  const subject = idAfter(INTERNAL_PATHS.users, request.path)
  if (clientId === undefined && subject === undefined) return notFound()
  if (method !== 'DELETE') return json(405, { error: 'method_not_allowed' })
  if (subject !== undefined) return deleteUser(to.owners, request, subject)
  return clientId === undefined || clientId === ''
    ? invalidRequest('client_id: cannot be one')
    : deleteClient(to.applications, request, clientId)
}

/** The rest of a path after `parent` and a slash; empty when it cannot be decoded, undefined for another path. */
function idAfter(parent: string, path: string): string | undefined {
  const prefix = `${parent}/`
  if (!path.startsWith(prefix)) return undefined
  try {
    return decodeURIComponent(path.slice(prefix.length))
  } catch {
    return ''
  }
}
