import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import { Bed, deadUrl, exchangeBytes, FORM } from '../testing/test-bed.ts'

const ORIGIN = 'https://spa.example'

for (const fastPath of [true, false]) {
  describe(`a response of the gateway itself to a page of another origin, ${fastPath ? 'with' : 'without'} the fast path`, () => {
    let bed: Bed
    let gateway: RunningGateway
    before(async () => {
      bed = await Bed.make()
      gateway = await bed.gateway({ legacyUrl: await deadUrl(), iamUrl: await deadUrl(), fastPath })
    })
    after(() => bed.end())

    const ask = (path: string, options: RequestInit = {}) =>
      fetch(gateway.url + path, { ...options, headers: { ...FORM, origin: ORIGIN, ...options.headers } })
    const post = (body: string): RequestInit => ({ method: 'POST', body })

    const readable: Array<[string, string, RequestInit, number, string]> = [
      ['legacy is down', '/oauth/token', post('client_id=staying'), 502, 'POST, OPTIONS'],
      ['IAM is down', '/oauth/token', post('grant_type=refresh_token&refresh_token=gliamrt-x'), 503, 'POST, OPTIONS'],
      ['the body is too large', '/oauth/token', post('a'.repeat((1 << 20) + 1)), 413, 'POST, OPTIONS'],
      ['there are too many parameters', '/oauth/revoke', post('a&'.repeat(5_000)), 400, 'POST, OPTIONS'],
      ['nobody knows the token', '/oauth/userinfo', {}, 502, 'GET, HEAD, POST, OPTIONS'],
      ['there is no document', '/.well-known/openid-configuration', {}, 502, 'GET, HEAD'],
      ['there are no keys', '/oauth/discovery/keys', {}, 502, 'GET, HEAD'],
    ]
    for (const [when, path, options, status, methods] of readable) {
      test(`is readable when ${when}`, async () => {
        const answer = await ask(path, options)
        assert.equal(answer.status, status)
        assert.equal(answer.headers.get('access-control-allow-origin'), '*')
        assert.equal(answer.headers.get('access-control-allow-methods'), methods)
        assert.equal(answer.headers.get('vary'), 'Origin')
      })
    }

    test('is readable when the head of the request is refused', async () => {
      const many = 'X: y\r\n'.repeat(300)
      const head = `POST /oauth/token HTTP/1.1\r\nHost: a\r\nOrigin: ${ORIGIN}\r\nConnection: close\r\n`
      const answer = await exchangeBytes(gateway.url, `${head}Content-Length: 0\r\n${many}\r\n`)
      assert.match(answer, /^HTTP\/1\.1 431 /)
      assert.match(answer, /\r\nAccess-Control-Allow-Origin: \*\r\n/)
    })

    for (const path of ['/oauth/introspect', '/oauth/authorize_device', '/oauth/token.json', '/api/v4/user']) {
      test(`is not readable at ${path}, where the servers allow nothing`, async () => {
        const answer = await ask(path, post('client_id=staying'))
        assert.equal(answer.status, 502)
        assert.equal(answer.headers.get('access-control-allow-origin'), null)
      })
    }

    test('allows nothing to a request without an origin, but still varies by origin', async () => {
      const answer = await fetch(`${gateway.url}/oauth/token`, { ...post('client_id=staying'), headers: FORM })
      assert.equal(answer.headers.get('access-control-allow-origin'), null)
      assert.equal(answer.headers.get('vary'), 'Origin')
    })

    const preflights: Array<[string, string, string, string | null]> = [
      ['/oauth/token', 'POST', 'content-type', '*'],
      ['/oauth/token', 'POST', 'Authorization, X-Requested-With', '*'],
      ['/oauth/token', 'DELETE', 'content-type', null],
      ['/oauth/token', 'POST', 'x-secret', null],
      ['/oauth/userinfo', 'GET', 'authorization', '*'],
    ]
    for (const [path, method, headers, allowed] of preflights) {
      test(`${allowed ? 'grants' : 'does not grant'} a preflight for ${method} ${path} with ${headers}`, async () => {
        const asked = { 'access-control-request-method': method, 'access-control-request-headers': headers }
        const answer = await ask(path, { method: 'OPTIONS', headers: asked })
        assert.equal(answer.status, 200)
        assert.equal(answer.headers.get('access-control-allow-origin'), allowed)
        assert.equal(answer.headers.get('access-control-allow-headers'), allowed && headers)
      })
    }
  })
}
