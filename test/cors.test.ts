import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { preflightReply, routeOf, withCors as withServersCors } from '../src/authorization-server/index.ts'
import { isSuffixed, withCors as withGatewaysCors } from '../src/gateway/index.ts'
import type { HttpRequest } from '../src/http/index.ts'
import { matchEndpoint } from '../src/routing/index.ts'

const PATHS = [
  '/oauth/authorize_device',
  '/oauth/discovery/keys',
  '/oauth/introspect',
  '/oauth/revoke',
  '/oauth/token',
  '/oauth/token/info',
  '/oauth/userinfo',
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
]
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']
const ASKED_HEADERS = [
  undefined,
  'content-type',
  'Authorization',
  'x-csrf-token, X-Requested-With',
  'authorization, x-secret',
]
const ANSWER = { status: 503, headers: [], body: '' }

/** What the gateway's own response to this request allows other origins. */
function gatewaysHeaders(path: string, method: string, headers: HttpRequest['headers']): unknown {
  const match = matchEndpoint(path, '')
  // A request that the gateway does not answer itself: it allows nothing.
  if (match === undefined) return new Map()
  const asked = { endpoint: match.endpoint, isSuffixed: isSuffixed(match), method, headers }
  return new Map(withGatewaysCors(asked, ANSWER).headers)
}

/** What a server's response to the same request allows them. */
function serversHeaders(path: string, method: string, headers: HttpRequest['headers']): unknown {
  const route = routeOf(path) ?? assert.fail(`${path} is no endpoint`)
  const request: HttpRequest = {
    ...{ method, path, query: '', headers, body: Buffer.alloc(0) },
    ...{ remoteAddress: '127.0.0.1', origin: 'https://a.test' },
  }
  return new Map((preflightReply(request, route) ?? withServersCors(request, route, ANSWER)).headers)
}

describe('the gateway allows pages of other origins exactly what the servers allow', () => {
  for (const path of PATHS.flatMap((one) => [one, `${one}.json`])) {
    test(`at ${path}`, () => {
      for (const method of METHODS) {
        for (const origin of [undefined, 'https://app.test']) {
          const named = origin === undefined ? {} : { origin }
          for (const asked of ASKED_HEADERS) {
            const preflight = {
              ...{ ...named, 'access-control-request-method': method },
              ...(asked !== undefined && { 'access-control-request-headers': asked }),
            }
            const answers = [gatewaysHeaders, serversHeaders].map((ask) => ask(path, 'OPTIONS', preflight))
            assert.deepEqual(answers[0], answers[1], `a preflight for ${method} with ${asked}`)
          }
          assert.deepEqual(gatewaysHeaders(path, method, named), serversHeaders(path, method, named), method)
        }
      }
    })
  }
})
