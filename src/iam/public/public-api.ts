import { publicError, retryAfter, securityHeaders, TOO_MANY_TEXT } from '../../authorization-server/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import { health } from '../internal/health.ts'
import type { IamMetrics } from '../telemetry/metrics.ts'
import { endpointOf, innerPath, type PublicEndpoint } from '../telemetry/public-path.ts'
import { currentCorrelationId } from '../telemetry/request-log.ts'
import { type AuthorizeDependencies, authorizeEndpoint } from './authorize.ts'
import { laterPage } from './pages.ts'
import { ResourceOwnerUnavailableError } from './password-check.ts'
import { testControl } from './test-controls.ts'

/** What the public port depends on. */
export interface PublicApiDependencies extends AuthorizeDependencies {
  readonly metrics: IamMetrics
  readonly log: Log
  readonly testControls: boolean
  /** Resolves to whether this service may receive traffic. */
  ready(): Promise<boolean>
}

const RETRY_AFTER_SECONDS = 5
const UNAVAILABLE = 'The authorization server is currently unable to handle the request. Please try again.'

/**
 * The public port: health, the protocol core's endpoints, `/oauth/authorize` by hand-off, and 404 for everything else.
 */
export function createPublicApi(to: PublicApiDependencies) {
  const root = new URL(to.issuer).pathname.replace(/\/$/, '')
  const route = routes(to)
  return async (request: HttpRequest): Promise<HttpReply> => {
    const healthy = await health(request, to.ready)
    if (healthy) return healthy
    const startedAt = performance.now()
    const path = innerPath(request.path, root)
    const endpoint = endpointOf(path)
    let reply: HttpReply
    try {
      reply = await route(endpoint, path === request.path ? request : { ...request, path })
    } catch (error) {
      const level = error instanceof ResourceOwnerUnavailableError ? 'warn' : 'error'
      to.log[level]({ err: error, endpoint, correlation_id: currentCorrelationId() }, 'request could not be answered')
      reply = unavailable(endpoint)
    }
    to.metrics.answered(endpoint, reply, (performance.now() - startedAt) / 1_000)
    return reply
  }
}

function routes(to: PublicApiDependencies) {
  const authorize = authorizeEndpoint(to)
  return async (endpoint: PublicEndpoint, request: HttpRequest): Promise<HttpReply> => {
    if (to.testControls && request.path.startsWith('/__lab/')) {
      return (await testControl(to, request)) ?? publicError(404, request)
    }
    if (endpoint === 'authorize' || endpoint === 'authorize_native') {
      return tooMany(to, endpoint, request) ?? page(to, authorize, endpoint, request)
    }
    const asked = request.path === '/.well-known/jwks.json' ? { ...request, path: '/oauth/discovery/keys' } : request
    return (await to.core.handle(asked)) ?? publicError(404, request)
  }
}

function tooMany(
  { limits }: PublicApiDependencies,
  endpoint: PublicEndpoint,
  request: HttpRequest,
): HttpReply | undefined {
  const caller = limits.callerOf(request)
  const refused = limits.admit(endpoint, caller)
  if (refused === undefined) return undefined
  limits.reached({ endpoint, limit: refused.limit, network: caller.address.network })
  return laterPage(TOO_MANY_TEXT, 429, refused.waitMs)
}

async function page(
  { core }: PublicApiDependencies,
  authorize: ReturnType<typeof authorizeEndpoint>,
  endpoint: 'authorize' | 'authorize_native',
  request: HttpRequest,
): Promise<HttpReply> {
  const read = core.readParameters(request)
  if (!read.ok) return read.reply
  const shown = read.method === 'GET' || read.method === 'HEAD'
  if (endpoint === 'authorize_native') return shown ? core.nativePage(read.parameters) : publicError(404, request)
  return shown || read.method === 'POST' ? authorize(request, read.parameters) : publicError(404, request)
}

/**
 * 503, so that no client drops its token and no router blames the client (RFC 6749 §4.1.2.1): a page where a user sees
 * it, JSON elsewhere.
 */
function unavailable(endpoint: PublicEndpoint): HttpReply {
  if (endpoint === 'authorize' || endpoint === 'authorize_native') {
    return laterPage(UNAVAILABLE, 503, RETRY_AFTER_SECONDS * 1_000)
  }
  return {
    status: 503,
    headers: [
      ...securityHeaders,
      ['Content-Type', 'application/json; charset=utf-8'],
      ['Cache-Control', 'no-store'],
      retryAfter(RETRY_AFTER_SECONDS * 1_000),
    ],
    body: JSON.stringify({ error: 'temporarily_unavailable', error_description: UNAVAILABLE }),
  }
}
