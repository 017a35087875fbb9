import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { DESCRIBED_PAIR_HEADER } from '../../credentials/index.ts'
import { clients } from '../testing/seed.ts'
import {
  type Answer,
  basic,
  credentials,
  refreshFields,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'

const UNKNOWN = 'f'.repeat(64)

for (const engine of testDatabases()) {
  describe(`revocation, introspection and information on ${engine.kind}`, () => {
    let store: TestDatabase
    let server: ServerUnderTest
    before(async () => {
      store = await engine.open()
      server = await startServerUnderTest(store.database, 'monolith')
    })
    after(async () => {
      await server.close()
      await store.close()
    })
    const info = (token: string) =>
      server.send('GET', '/oauth/token/info', { headers: { authorization: `Bearer ${token}` } })
    const revoke = (form: Record<string, string>) => server.send('POST', '/oauth/revoke', { form })
    const introspect = (form: Record<string, string>, authorization?: string) =>
      server.send('POST', '/oauth/introspect', { form, ...(authorization ? { headers: { authorization } } : {}) })

    describe('POST /oauth/revoke', () => {
      it('revokes both tokens of a pair by either, and accepts a repeated revocation', async () => {
        for (const which of ['access', 'refresh'] as const) {
          const pair = await server.pair()
          const answer = await revoke({ token: pair[which], ...credentials('conf') })
          assert.deepEqual([answer.status, answer.body], [200, '{}'])
          assert.equal(answer.headers['cache-control'], 'max-age=0, private, must-revalidate')
          assert.equal((await info(pair.access)).status, 401)
          assert.equal((await server.token(refreshFields(pair.refresh))).status, 400)
          assert.equal((await revoke({ token: pair[which], ...credentials('conf') })).status, 200)
        }
      })

      it('revokes a pair whose access token has expired', async () => {
        const { access, refresh } = await server.pair()
        await server.core.advance(8_000)
        await revoke({ token: access, ...credentials('conf') })
        assert.equal((await server.token(refreshFields(refresh))).status, 400)
      })

      it('requires a client, and that the token belongs to the client', async () => {
        const { access } = await server.pair()
        const publicPair = await server.pair('public')
        const refused = [
          await revoke({ token: access, ...credentials('other') }),
          await revoke({ token: access, ...credentials('conf', 'wrong') }),
          await revoke({ token: UNKNOWN, ...credentials('conf', 'wrong') }),
          await revoke({ token: access }),
          await revoke({}),
          await revoke({ token: publicPair.access }),
          await revoke({ token: publicPair.access, ...credentials('other') }),
        ]
        for (const answer of refused) {
          assert.equal(answer.status, 403)
          assert.deepEqual(answer.json, {
            error: 'unauthorized_client',
            error_description: 'You are not authorized to revoke this token',
          })
          assert.equal(answer.headers['www-authenticate'], undefined)
          assert.equal(answer.headers['cache-control'], 'no-cache')
        }
        assert.equal((await info(access)).status, 200)
        assert.equal((await info(publicPair.access)).status, 200)
        assert.equal((await revoke({ token: publicPair.access, ...credentials('public') })).status, 200)
        assert.equal((await info(publicPair.access)).status, 401)
      })

      it('treats an unknown or missing token as revoked', async () => {
        assert.equal((await revoke({ token: UNKNOWN, ...credentials('conf') })).status, 200)
        assert.equal((await revoke(credentials('conf'))).status, 200)
      })

      it('searches refresh tokens alone with the hint refresh_token', async () => {
        const { access } = await server.pair()
        await revoke({ token: access, token_type_hint: 'refresh_token', ...credentials('conf') })
        assert.equal((await info(access)).status, 200)
        await revoke({ token: access, token_type_hint: 'bogus', ...credentials('conf') })
        assert.equal((await info(access)).status, 401)
      })
    })

    describe('POST /oauth/introspect', () => {
      it('describes a live token to its client, including a refresh token', async () => {
        const { access, refresh } = await server.pair()
        for (const token of [access, refresh]) {
          const { json, headers } = await introspect({ token }, basic('conf'))
          assert.deepEqual(Object.keys(json), ['active', 'scope', 'client_id', 'token_type', 'iat', 'exp'])
          assert.equal(json.exp - json.iat, 7_200)
          assert.equal(headers['cache-control'], 'max-age=0, private, must-revalidate')
        }
      })

      it('reports every other token as inactive: unknown, missing, expired, revoked, another client’s', async () => {
        const expired = await server.pair()
        await server.core.advance(8_000)
        const revoked = await server.pair()
        await revoke({ token: revoked.access, ...credentials('conf') })
        const foreign = await server.pair('other')
        for (const token of [UNKNOWN, '', expired.access, expired.refresh, revoked.access, foreign.access]) {
          const answer = await introspect({ token }, basic('conf'))
          assert.deepEqual([answer.status, answer.body], [200, '{"active":false}'])
        }
      })

      it('accepts a public client by its id', async () => {
        const { access } = await server.pair('public')
        assert.equal((await introspect({ token: access, ...credentials('public') })).json.active, true)
      })

      it('accepts another live token of the same client, but not the token itself', async () => {
        const { access } = await server.pair()
        const { access: bearer } = await server.pair()
        const { access: foreign } = await server.pair('other')
        assert.equal((await introspect({ token: access }, `Bearer ${bearer}`)).json.active, true)
        assert.equal((await introspect({ token: access, access_token: bearer })).json.active, true)
        for (const token of [bearer, foreign, UNKNOWN, '']) {
          const answer = await introspect({ token }, `Bearer ${bearer}`)
          assert.equal(answer.status, 401)
          assert.deepEqual(answer.json, {
            error: 'invalid_token',
            error_description: 'The access token is invalid',
            state: 'unauthorized',
          })
        }
      })

      it('reports the reason to the holder of an invalid token, and rejects an anonymous caller', async () => {
        const old = await server.pair()
        await server.core.advance(8_000)
        const revoked = await server.pair()
        await revoke({ token: revoked.access, ...credentials('conf') })
        const { access } = await server.pair()
        const answers: ReadonlyArray<readonly [Answer, number, string]> = [
          [await introspect({ token: access }, `Bearer ${old.access}`), 401, 'The access token expired'],
          [await introspect({ token: access }, `Bearer ${revoked.access}`), 401, 'The access token was revoked'],
          [await introspect({ token: access }, `Bearer ${UNKNOWN}`), 400, 'Request needs to be authorized.'],
          [await introspect({ token: access }), 400, 'Request needs to be authorized.'],
          [await introspect({ token: access }, basic('conf', 'x')), 401, 'Client authentication failed'],
          [await introspect({ token: access, client_id: clients.conf.uid }), 401, 'Client authentication failed'],
        ]
        for (const [answer, status, text] of answers) {
          assert.equal(answer.status, status)
          assert.ok(answer.json.error_description.startsWith(text), answer.body)
        }
      })
    })

    describe('GET /oauth/token/info', () => {
      it('describes a refresh token by its access token to the gateway only, and only while that is valid', async () => {
        const { access, refresh } = await server.pair()
        const asGateway = (token: string) =>
          server.send('GET', '/oauth/token/info', {
            headers: { authorization: `Bearer ${token}`, [DESCRIBED_PAIR_HEADER]: 'true' },
          })
        assert.equal((await info(refresh)).status, 401)
        const [byRefresh, byAccess] = [await asGateway(refresh), await asGateway(access)]
        assert.equal(byRefresh.status, 200)
        assert.deepEqual({ ...byRefresh.json, expires_in: 0 }, { ...byAccess.json, expires_in: 0 })
        assert.equal((await asGateway(UNKNOWN)).status, 401)
        await server.core.advance(8_000)
        assert.equal((await asGateway(refresh)).status, 401)
      })

      it('describes the token, and answers 304 to its ETag', async () => {
        const { access } = await server.pair()
        const answer = await info(access)
        assert.deepEqual(Object.keys(answer.json), [
          'resource_owner_id',
          'scope',
          'expires_in',
          'application',
          'created_at',
        ])
        assert.equal(answer.json.resource_owner_id, 1)
        assert.deepEqual(answer.json.application, { uid: clients.conf.uid })
        const keys = await server.send('GET', '/oauth/discovery/keys')
        const again = await server.send('GET', '/oauth/discovery/keys', {
          headers: { 'if-none-match': String(keys.headers['etag']) },
        })
        assert.deepEqual([again.status, again.body, again.headers['content-type']], [304, '', undefined])
        const head = await server.send('HEAD', '/oauth/token/info', { headers: { authorization: `Bearer ${access}` } })
        assert.deepEqual([head.status, head.body], [200, ''])
      })

      it('prefers the parameter to the header, and accepts one space only and the scheme in any case', async () => {
        const { access } = await server.pair()
        const status = async (authorization: string, query: Record<string, string> = {}) =>
          (await server.send('GET', '/oauth/token/info', { headers: { authorization }, query })).status
        assert.equal(await status(`BEARER ${access}`), 200)
        assert.equal(await status(`Bearer ${access}`, { access_token: '' }), 200)
        assert.equal(await status('Bearer wrong', { access_token: access }), 200)
        assert.equal(await status('Basic eDp5', { bearer_token: access }), 200)
        assert.equal(await status(`Bearer ${access}`, { access_token: 'wrong' }), 401)
        assert.equal(await status(`Bearer  ${access}`), 401)
        assert.equal(await status(`Token ${access}`), 401)
        assert.equal(await status('Bearer'), 401)
      })
    })

    describe('/oauth/userinfo', () => {
      it('returns a user with the openid scope, by GET and POST', async () => {
        const { access } = await server.pair('conf', { scope: 'openid email' })
        const answer = await server.send('GET', '/oauth/userinfo', { headers: { authorization: `Bearer ${access}` } })
        const names = ['sub', 'name', 'nickname', 'preferred_username', 'email', 'email_verified', 'groups']
        assert.deepEqual(Object.keys(answer.json), names)
        const posted = await server.send('POST', '/oauth/userinfo', { form: { access_token: access } })
        assert.equal(posted.body, answer.body)
      })

      it('answers a refusal without a body', async () => {
        const { access } = await server.pair()
        const machine = await server.token({
          grant_type: 'client_credentials',
          scope: 'openid',
          ...credentials('conf'),
        })
        const rows: ReadonlyArray<readonly [string, number, string]> = [
          [
            access,
            403,
            'error="insufficient_scope", error_description="Access to this resource requires scope _openid_."',
          ],
          [UNKNOWN, 401, 'error="invalid_token", error_description="The access token is invalid"'],
          [machine.json.access_token, 401, 'error="invalid_token"'],
        ]
        for (const [token, status, challenge] of rows) {
          const answer = await server.send('GET', '/oauth/userinfo', { headers: { authorization: `Bearer ${token}` } })
          assert.deepEqual([answer.status, answer.body, answer.headers['content-type']], [status, '', 'text/html'])
          assert.ok(answer.headers['www-authenticate']?.includes(challenge))
          assert.equal(answer.headers['vary'], 'Origin')
        }
      })
    })

    describe('discovery', () => {
      it('names https endpoints on the host of the request', async () => {
        const headers = { 'x-forwarded-host': 'idp.example.test', 'x-forwarded-proto': 'http' }
        const { json } = await server.send('GET', '/.well-known/openid-configuration', { headers })
        assert.equal(json.issuer, 'https://issuer.example.test')
        assert.equal(json.token_endpoint, 'https://idp.example.test/oauth/token')
        const other = await server.send('GET', '/.well-known/oauth-authorization-server', { headers })
        assert.deepEqual(other.json, json)
        assert.equal(other.headers['vary'], 'Accept')
      })

      it('returns the issuer for any webfinger resource, and an error without a resource', async () => {
        const found = await server.send('GET', '/.well-known/webfinger', { query: { resource: 'acct:a@b' } })
        assert.equal(found.json.subject, 'acct:a@b')
        const none = await server.send('GET', '/.well-known/webfinger')
        assert.deepEqual([none.status, none.body], [400, ''])
      })
    })

    describe('paths, methods and origins', () => {
      it('answers other methods with the 404 page, or as JSON on request', async () => {
        for (const [method, path] of [
          ['GET', '/oauth/token'],
          ['PUT', '/oauth/revoke'],
          ['OPTIONS', '/oauth/introspect'],
          ['POST', '/oauth/token/info'],
        ] as const) {
          const answer = await server.send(method, path)
          assert.equal(answer.status, 404)
          assert.match(answer.body, /The page you were looking for doesn(&#39;|')t exist\./)
          assert.equal(answer.headers['x-frame-options'], undefined)
        }
        const json = await server.send('GET', '/oauth/token', { headers: { accept: 'application/json' } })
        assert.deepEqual(json.json, { status: 404, error: 'Not Found' })
      })

      it('ignores paths that it does not serve', async () => {
        for (const path of [
          '/',
          '/oauth',
          '/oauth/authorize',
          '/oauth/token/nope',
          '/oauth/TOKEN',
          '/oauth/token.',
          '/oauth/.json',
        ]) {
          assert.equal((await server.send('POST', path)).status, 599)
        }
      })

      it('allows the permitted preflight requests and adds no headers to others', async () => {
        const preflight = (path: string, method: string, asked?: string) =>
          server.send('OPTIONS', path, {
            headers: {
              origin: 'https://spa.example.test',
              'access-control-request-method': method,
              ...(asked ? { 'access-control-request-headers': asked } : {}),
            },
          })
        const good = await preflight('/oauth/token', 'POST', 'authorization,content-type')
        assert.equal(good.status, 200)
        assert.equal(good.headers['access-control-allow-origin'], '*')
        assert.equal(good.headers['access-control-allow-methods'], 'POST, OPTIONS')
        assert.equal(good.headers['access-control-allow-headers'], 'authorization,content-type')
        for (const bad of [
          await preflight('/oauth/token', 'DELETE'),
          await preflight('/oauth/token', 'POST', 'x-other'),
          await preflight('/oauth/introspect', 'POST'),
        ]) {
          assert.deepEqual([bad.status, bad.headers['access-control-allow-origin']], [200, undefined])
        }
      })

      it('adds the allowance to an answer to a foreign origin', async () => {
        const answer = await server.token({}, { headers: { origin: 'https://spa.example.test' } })
        assert.equal(answer.headers['access-control-allow-origin'], '*')
        assert.equal(answer.headers['vary'], 'Origin')
      })
    })
  })
}
