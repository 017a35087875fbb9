import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Api, Plane } from './plane.ts'
import { sendGitLabError, sendProblem } from './problems.ts'
import type { Role } from './tokens.ts'

/** Readers of decisions and flags. */
export const READERS: readonly Role[] = ['administrator', 'gateway', 'replication']

/**
 * Lets a request through to a route with `roles` only with a token of one of them, given as `PRIVATE-TOKEN` or as
 * bearer token. Without a valid token 401, with one of another role 403.
 */
export function requireRoles(api: Api, plane: Plane): void {
  api.decorateRequest('caller', undefined)
  api.addHook('onRequest', async (request, reply) => {
    const { roles } = request.routeOptions.config
    if (!roles) return
    const token = privateTokenOf(request) ?? bearerTokenOf(request)
    const caller = token === undefined ? undefined : await plane.tokens.find(token)
    if (!caller) return refuse(request, reply, 401)
    if (!roles.includes(caller.role)) return refuse(request, reply, 403)
    request.caller = caller
  })
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

function refuse(request: FastifyRequest, reply: FastifyReply, status: 401 | 403): FastifyReply {
  if (status === 401) reply.header('WWW-Authenticate', 'Bearer')
  if (!request.url.startsWith('/api/v1/')) return sendGitLabError(reply, status)
  if (status === 401) {
    return sendProblem(reply, 401, 'unauthorized', {
      detail: 'a valid token is needed, as PRIVATE-TOKEN or bearer token',
    })
  }
  return sendProblem(reply, 403, 'forbidden', { detail: "the token's role may not do this" })
}
