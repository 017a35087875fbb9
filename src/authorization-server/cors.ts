import {
  type CorsResource,
  corsAllowance,
  corsResource,
  type HttpReply,
  type HttpRequest,
  preflightHeaders,
} from '../http/index.ts'
import type { Route } from './routes.ts'

const TOKENS = corsResource(['authorization', 'x-csrf-token', 'x-requested-with'], ['POST', 'OPTIONS'])
const DOCUMENT = corsResource(['authorization'], ['GET', 'HEAD'])
const RESOURCES: ReadonlyMap<string, CorsResource> = new Map([
  ['/oauth/token', TOKENS],
  ['/oauth/revoke', TOKENS],
  ['/oauth/userinfo', corsResource(['authorization'], ['GET', 'HEAD', 'POST', 'OPTIONS'])],
  ['/oauth/discovery/keys', DOCUMENT],
  ['/.well-known/openid-configuration', DOCUMENT],
  ['/.well-known/webfinger', DOCUMENT],
])

/** The answer to a preflight request; undefined for any other request. A denied preflight is still 200 (E114). */
export function preflightReply(request: HttpRequest, route: Route): HttpReply | undefined {
  const wanted = request.headers['access-control-request-method']
  if (request.method !== 'OPTIONS' || request.headers.origin === undefined || wanted === undefined) return undefined
  const asked = request.headers['access-control-request-headers']
  return { status: 200, headers: preflightHeaders(resourceOf(route), String(wanted), asked), body: '' }
}

/** Adds the CORS headers: the allowance when the request names its origin, and `Vary: Origin` always. */
export function withCors(request: HttpRequest, route: Route, reply: HttpReply): HttpReply {
  const found = resourceOf(route)
  if (found === undefined) return reply
  const vary = reply.headers.find(([name]) => name === 'Vary')?.[1]
  const headers: Array<readonly [string, string]> = reply.headers.filter(([name]) => name !== 'Vary')
  headers.push(['Vary', vary === undefined ? 'Origin' : `${vary}, Origin`])
  if (request.headers.origin !== undefined) headers.push(...corsAllowance(found))
  return { ...reply, headers }
}

function resourceOf(route: Route): CorsResource | undefined {
  return route.suffixed ? undefined : RESOURCES.get(route.path)
}
