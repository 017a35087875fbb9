import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Environment } from '../../flags/index.ts'
import type { Api, Plane } from '../plane.ts'
import { sendGitLabError, sendProblem } from '../problems.ts'
import type { Caller } from './roles.ts'
import { faultOfRules, isSafe, namedEnvironment } from './route-rules.ts'

/**
 * Lets a request through to its route only with a token of a role that the route names, given as `PRIVATE-TOKEN` or as
 * bearer token, and only to change environments that are the caller's. Without a valid token 401, with one that may not
 * do this 403. Throws, while routes are added, for a route that does not say who may call it.
 */
export function requireRoles(api: Api, plane: Plane): void {
  api.decorateRequest('caller', undefined)
  api.addHook('onRoute', (route) => {
    const fault = faultOfRules(route)
    if (fault !== undefined) throw new Error(fault)
  })
  api.addHook('onRequest', async (request, reply) => {
    const { roles } = request.routeOptions.config
    if (roles === undefined || roles === 'anyone') return
    const token = privateTokenOf(request) ?? bearerTokenOf(request)
    const caller = token === undefined ? undefined : await plane.tokens.find(token)
    if (!caller) return refuse(request, reply, 401, 'a valid token is needed, as PRIVATE-TOKEN or bearer token')
    if (!roles.includes(caller.role)) return refuse(request, reply, 403, `${caller.role}s may not do this`)
    request.caller = caller
  })
  // Behind the parsing of the body, which may name the environment.
  api.addHook('preHandler', async (request, reply) => {
    if (isSafe(request.method) || request.routeOptions.config.environment !== 'named') return
    const environment = namedEnvironment(request)
    if (environment === undefined || request.caller?.environments.includes(environment)) return
    return refuseEnvironment(request, reply, environment)
  })
}

/** Who calls a route that needs a token. Throws on a route that does not. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error(`${request.routeOptions.url} lets in callers without a token`)
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
