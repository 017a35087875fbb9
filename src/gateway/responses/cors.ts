import type { IncomingHttpHeaders } from 'node:http'
import { type CorsResource, corsAllowance, corsResource, preflightHeaders } from '../../http/index.ts'
import type { Endpoint, EndpointMatch } from '../../routing/index.ts'
import type { LocalResponse } from './local-responses.ts'

const TOKENS = corsResource(['authorization', 'x-csrf-token', 'x-requested-with'], ['POST', 'OPTIONS'])
const DOCUMENT = corsResource(['authorization'], ['GET', 'HEAD'])

/** The CORS rules for each endpoint, equal to those of both servers (`authorization-server/cors.ts`). */
const RESOURCES: ReadonlyMap<Endpoint, CorsResource> = new Map([
  ['token', TOKENS],
  ['revoke', TOKENS],
  ['userinfo', corsResource(['authorization'], ['GET', 'HEAD', 'POST', 'OPTIONS'])],
  ['jwks', DOCUMENT],
  ['openid_configuration', DOCUMENT],
])

/** Whether a path ends in a format such as `.json`. */
export function isSuffixed({ path }: EndpointMatch): boolean {
  return /\.[^./]+$/.test(path)
}

/** The request that the gateway itself responds to. */
export interface CorsRequest {
  readonly endpoint: Endpoint
  /** The path ended in a format, for which the servers allow nothing. */
  readonly isSuffixed: boolean
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

/**
 * Adds CORS headers to a response of the gateway itself, so that pages of other origins can read it wherever they can
 * read responses of the servers. Answers a preflight as the servers would, so that the browser sends the request and
 * reads the actual error.
 */
export function withCors(asked: CorsRequest, answer: LocalResponse): LocalResponse {
  const found = asked.isSuffixed ? undefined : RESOURCES.get(asked.endpoint)
  if (found === undefined) return answer
  const { origin, 'access-control-request-method': wanted } = asked.headers
  if (asked.method === 'OPTIONS' && origin !== undefined && typeof wanted === 'string') {
    const names = asked.headers['access-control-request-headers']
    return { status: 200, headers: preflightHeaders(found, wanted, names), body: '' }
  }
  const headers: Array<readonly [string, string]> = [...answer.headers, ['Vary', 'Origin']]
  if (origin !== undefined) headers.push(...corsAllowance(found))
  return { ...answer, headers }
}
