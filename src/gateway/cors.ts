import type { IncomingHttpHeaders } from 'node:http'
import type { Endpoint, EndpointMatch } from '../routing/index.ts'
import type { LocalAnswer } from './local-answers.ts'

interface Resource {
  readonly headers: ReadonlySet<string>
  readonly methods: readonly string[]
}

/** Headers that need no permission (Fetch §2.2.2), as both servers count them. */
const SIMPLE = ['accept', 'accept-language', 'content-language', 'content-type']

function resource(headers: readonly string[], methods: readonly string[]): Resource {
  return { headers: new Set([...SIMPLE, ...headers]), methods }
}

const TOKENS = resource(['authorization', 'x-csrf-token', 'x-requested-with'], ['POST', 'OPTIONS'])
const DOCUMENT = resource(['authorization'], ['GET', 'HEAD'])

/** What pages of other origins may do where: the same as at both servers (`authorization-server/cors.ts`). */
const RESOURCES: ReadonlyMap<Endpoint, Resource> = new Map([
  ['token', TOKENS],
  ['revoke', TOKENS],
  ['userinfo', resource(['authorization'], ['GET', 'HEAD', 'POST', 'OPTIONS'])],
  ['jwks', DOCUMENT],
  ['openid_configuration', DOCUMENT],
])

/** Whether a path ends in a format such as `.json`. */
export function isSuffixed({ path }: EndpointMatch): boolean {
  return /\.[^./]+$/.test(path)
}

/** The request that an answer of the gateway's own is for. */
export interface AskedAcross {
  readonly endpoint: Endpoint
  /** The path ended in a format, for which the servers allow nothing. */
  readonly isSuffixed: boolean
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

/**
 * Lets pages of other origins read an answer of the gateway's own where they may read the servers'. A preflight is
 * granted or not as the servers would, so that the browser goes on to the request and reads what is wrong with that.
 */
export function withCors(asked: AskedAcross, answer: LocalAnswer): LocalAnswer {
  const found = asked.isSuffixed ? undefined : RESOURCES.get(asked.endpoint)
  if (found === undefined) return answer
  const { origin, 'access-control-request-method': wanted } = asked.headers
  if (asked.method === 'OPTIONS' && origin !== undefined && typeof wanted === 'string') {
    return { status: 200, headers: preflightHeaders(found, wanted, asked.headers), body: '' }
  }
  const headers: Array<readonly [string, string]> = [...answer.headers, ['Vary', 'Origin']]
  if (origin !== undefined) headers.push(...allowance(found))
  return { ...answer, headers }
}

function preflightHeaders(found: Resource, method: string, headers: IncomingHttpHeaders): LocalAnswer['headers'] {
  const given = headers['access-control-request-headers']
  const asked = typeof given === 'string' ? given : undefined
  const areAllowed =
    asked === undefined || asked.split(',').every((name) => found.headers.has(name.trim().toLowerCase()))
  if (!areAllowed || !found.methods.includes(method.toUpperCase())) return []
  return asked === undefined ? allowance(found) : [...allowance(found), ['Access-Control-Allow-Headers', asked]]
}

function allowance(found: Resource): Array<readonly [string, string]> {
  return [
    ['Access-Control-Allow-Origin', '*'],
    ['Access-Control-Allow-Methods', found.methods.join(', ')],
    ['Access-Control-Expose-Headers', ''],
    ['Access-Control-Max-Age', '7200'],
  ]
}
