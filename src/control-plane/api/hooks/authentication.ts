import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Environment } from '../../../flags/index.ts'
import { networkOf } from '../../../http/index.ts'
import { cookieOf, originOf, ownOriginOf } from '../../access/browser-request.ts'
import type { Caller } from '../../access/roles/roles.ts'
import { faultOfRules, isSafe, namedEnvironment, type RouteRules } from '../../access/roles/route-rules.ts'
import { isFromOwnPage } from '../../access/same-origin.ts'
import { isSameSecret } from '../../access/sessions/session-cookie.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendGitLabError, sendProblem } from '../../requests/problems.ts'

/**
 * Admits a request to its route only with a token of a role that the route names, sent as `PRIVATE-TOKEN` or as bearer
 * token, or with a session cookie, and only for changes in the caller's environments. Answers 401 without a valid token
 * and 403 for a token that lacks the right. Throws, while routes are added, for a route that does not declare who may
 * call it.
 */
export function requireRoles(api: Api, control: ControlContext): void {
  api.decorateRequest('caller', undefined)
  const rules = new Map<string, Partial<RouteRules>>()
  api.decorate('routeRules', rules)
  api.addHook('onRoute', (route) => {
    const fault = faultOfRules(route)
    if (fault !== undefined) throw new Error(fault)
    for (const method of [route.method].flat()) rules.set(`${method} ${route.url}`, route.config ?? {})
  })
  api.addHook('onRequest', async (request, reply) => {
    const { roles } = request.routeOptions.config
    if (roles === undefined || roles === 'anyone') return
    const token = privateTokenOf(request) ?? bearerTokenOf(request)
    const session = token === undefined ? cookieOf(control.access.place, request, 'session') : undefined
    const caller = await findCaller(control, token, session)
    if (!caller) return refuseUnknown(control, request, reply, token ?? session)
    const foreign = faultOfPage(control, request, caller)
    if (foreign !== undefined) return refuse(request, reply, 403, foreign)
    // Also for a refusal, which the audit log records.
    request.caller = caller
    if (!roles.includes(caller.role)) return refuse(request, reply, 403, `${caller.role}s may not do this`)
  })
  // After the body is parsed, because it may name the environment.
  api.addHook('preHandler', async (request, reply) => {
    if (isSafe(request.method) || request.routeOptions.config.environment !== 'named') return
    const environment = namedEnvironment(request)
    if (environment === undefined || request.caller?.environments.includes(environment)) return
    return refuseEnvironment(request, reply, environment)
  })
}

async function findCaller(control: ControlContext, token: string | undefined, session: string | undefined) {
  if (token !== undefined) return control.tokens.find(token)
  return session === undefined ? undefined : control.access.sessions.find(session)
}

/**
 * Why a request with a session cookie may not make a change; undefined if it may. The browser attaches the cookie
 * whatever page caused the request, so the request must also prove that it comes from our own pages. A token is never
 * sent automatically.
 */
function faultOfPage(control: ControlContext, request: FastifyRequest, { by }: Caller): string | undefined {
  if (by.kind === 'token' || isSafe(request.method)) return undefined
  if (!isFromOwnPage(originOf(request), ownOriginOf(control.access.place, request))) {
    return 'a session may change something from its own pages alone'
  }
  const token = request.headers['x-csrf-token']
  return typeof token === 'string' && isSameSecret(token, by.csrfToken)
    ? undefined
    : "a session needs X-CSRF-Token with the session's csrf_token to change something"
}

/** Answers 401, or 429 to an address with too many failures; a valid token is accepted regardless. */
function refuseUnknown(
  control: ControlContext,
  request: FastifyRequest,
  reply: FastifyReply,
  tried: string | undefined,
): FastifyReply {
  const wait = waitAfterWrong(control, request, tried)
  if (wait === 0) return refuse(request, reply, 401, 'a valid token is required, as PRIVATE-TOKEN or bearer token')
  reply.header('Retry-After', String(wait))
  if (!request.url.startsWith('/api/v1/')) return sendGitLabError(reply, 429)
  return sendProblem(reply, 429, 'too_many_failures', { detail: `too many wrong tokens; try again in ${wait} s` })
}

/** Counts a wrong token against the client's address; returns how many seconds the address must wait, or 0. */
export function waitAfterWrong(control: ControlContext, request: FastifyRequest, tried: string | undefined): number {
  return tried === undefined ? 0 : control.access.failures.failed(networkOf(request.ip), tried)
}

/** The caller of a route that requires a token. Throws on other routes. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error(`${request.routeOptions.url} accepts callers without a token`)
  return request.caller
}

/** The `PRIVATE-TOKEN` header. */
export function privateTokenOf(request: FastifyRequest): string | undefined {
  const header = request.headers['private-token']
  return typeof header === 'string' && header !== '' ? header : undefined
}

/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1). */
export function bearerTokenOf(request: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
}

function refuseEnvironment(request: FastifyRequest, reply: FastifyReply, environment: Environment): FastifyReply {
  const detail = `${callerOf(request).name} may not change ${environment}`
  if (!request.url.startsWith('/api/v1/')) return sendGitLabError(reply, 403, detail)
  return sendProblem(reply, 403, 'forbidden', { detail })
}

function refuse(request: FastifyRequest, reply: FastifyReply, status: 401 | 403, detail: string): FastifyReply {
  if (status === 401) reply.header('WWW-Authenticate', 'Bearer')
  if (!request.url.startsWith('/api/v1/')) return sendGitLabError(reply, status)
  return sendProblem(reply, status, status === 401 ? 'unauthorized' : 'forbidden', { detail })
}
