import type { HttpReply, HttpRequest } from '../http/index.ts'
import type { Route } from './routes.ts'

interface Resource {
  readonly headers: ReadonlySet<string>
  readonly methods: readonly string[]
}

/** Headers that need no permission (Fetch §2.2.2), as the recorded middleware counts them (README, 43). */
const SIMPLE = ['accept', 'accept-language', 'content-language', 'content-type']

function resource(headers: readonly string[], methods: readonly string[]): Resource {
  return { headers: new Set([...SIMPLE, ...headers]), methods }
}

const TOKENS = resource(['authorization', 'x-csrf-token', 'x-requested-with'], ['POST', 'OPTIONS'])
const DOCUMENT = resource(['authorization'], ['GET', 'HEAD'])
const RESOURCES: ReadonlyMap<string, Resource> = new Map([
  ['/oauth/token', TOKENS],
  ['/oauth/revoke', TOKENS],
  ['/oauth/userinfo', resource(['authorization'], ['GET', 'HEAD', 'POST', 'OPTIONS'])],
  ['/oauth/discovery/keys', DOCUMENT],
  ['/.well-known/openid-configuration', DOCUMENT],
  ['/.well-known/webfinger', DOCUMENT],
])

/** The answer to a preflight; undefined when the request is none. One that is refused is still 200 (E114). */
export function preflightReply(request: HttpRequest, route: Route): HttpReply | undefined {
  const wanted = request.headers['access-control-request-method']
  if (request.method !== 'OPTIONS' || request.headers.origin === undefined || wanted === undefined) return undefined
  const found = resourceOf(route)
  const asked = request.headers['access-control-request-headers']
  if (!found?.methods.includes(String(wanted).toUpperCase()) || !areAllowed(asked, found)) {
    return { status: 200, headers: [], body: '' }
  }
  const headers = [...allowance(found)]
  if (asked !== undefined) headers.push(['Access-Control-Allow-Headers', asked])
  return { status: 200, headers, body: '' }
}

/** Adds what CORS asks of an answer: the allowance where the request names its origin, and `Vary: Origin` always. */
export function withCors(request: HttpRequest, route: Route, reply: HttpReply): HttpReply {
  const found = resourceOf(route)
  if (found === undefined) return reply
  const vary = reply.headers.find(([name]) => name === 'Vary')?.[1]
  const headers: Array<readonly [string, string]> = reply.headers.filter(([name]) => name !== 'Vary')
  headers.push(['Vary', vary === undefined ? 'Origin' : `${vary}, Origin`])
  if (request.headers.origin !== undefined) headers.push(...allowance(found))
  return { ...reply, headers }
}

function resourceOf(route: Route): Resource | undefined {
  return route.suffixed ? undefined : RESOURCES.get(route.path)
}

function areAllowed(asked: string | undefined, found: Resource): boolean {
  return asked === undefined || asked.split(',').every((name) => found.headers.has(name.trim().toLowerCase()))
}

function allowance(found: Resource): Array<readonly [string, string]> {
  return [
    ['Access-Control-Allow-Origin', '*'],
    ['Access-Control-Allow-Methods', found.methods.join(', ')],
    ['Access-Control-Expose-Headers', ''],
    ['Access-Control-Max-Age', '7200'],
  ]
}
