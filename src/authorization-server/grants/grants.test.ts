import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { clients } from '../testing/seed.ts'
import {
  type Answer,
  credentials,
  exchangeFields,
  refreshFields,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'

const PASSWORD = { grant_type: 'password', username: 'alice', password: 'alice-password-1' }

function inShort(answer: Answer): string {
  return answer.status === 200 ? '200' : `${answer.status} ${answer.json?.error ?? answer.headers['content-type']}`
}

function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

for (const engine of testDatabases()) {
  describe(`the grants on ${engine.kind}`, () => {
    let store: TestDatabase
    let server: ServerUnderTest
    let strict: ServerUnderTest
    before(async () => {
      store = await engine.open()
      server = await startServerUnderTest(store.database, 'monolith', { dynamicScopes: ['user:*'] })
      strict = await startServerUnderTest(store.database, 'iam', {
        policy: { rules: { refresh_reuse: 'revoke', code_replay: 'revoke' } },
        passwordGrantWithoutClient: true,
        sealingKey: Buffer.alloc(32, 1),
      })
    })
    after(async () => {
      await server.close()
      await strict.close()
      await store.close()
    })
    const isLive = async (on: ServerUnderTest, access: string) =>
      (await on.send('GET', '/oauth/token/info', { query: { access_token: access } })).status === 200

    describe('refresh_token', () => {
      it('issues a new pair and invalidates the old one immediately', async () => {
        const { access, refresh } = await server.pair()
        const answer = await server.token(refreshFields(refresh))
        assert.equal(answer.status, 200)
        assert.equal(await isLive(server, access), false)
        assert.equal(await isLive(server, answer.json.access_token), true)
        assert.equal(inShort(await server.token(refreshFields(refresh))), '400 invalid_grant')
        assert.equal(inShort(await server.token(refreshFields(answer.json.refresh_token))), '200')
      })

      it('checks the token before the client', async () => {
        const { refresh } = await server.pair()
        const fields = refreshFields(refresh)
        const outcomes = []
        for (const more of [
          { refresh_token: '', client_secret: 'x' },
          { refresh_token: 'f'.repeat(64), client_secret: 'x' },
          { client_secret: 'x' },
          { client_secret: '' },
          { client_id: '', client_secret: '' },
          credentials('other'),
          { scope: 'api read_user' },
          { scope: 'bogus' },
          { scope: 'api\tapi' },
          {},
        ]) {
          outcomes.push(inShort(await server.token({ ...fields, ...more })))
        }
        assert.deepEqual(outcomes, [
          '400 invalid_request',
          '400 invalid_grant',
          '401 invalid_client',
          '401 invalid_client',
          '400 invalid_grant',
          '400 invalid_grant',
          '400 invalid_scope',
          '400 invalid_scope',
          '400 invalid_scope',
          '200',
        ])
      })

      it('keeps a scope that was narrowed', async () => {
        const { refresh } = await server.pair('conf', { scope: 'api read_user' })
        const narrow = await server.token({ ...refreshFields(refresh), scope: 'read_user' })
        assert.equal(narrow.json.scope, 'read_user')
        const wide = { ...refreshFields(narrow.json.refresh_token), scope: 'api' }
        assert.equal(inShort(await server.token(wide)), '400 invalid_scope')
        assert.equal((await server.token(refreshFields(narrow.json.refresh_token))).json.scope, 'read_user')
      })

      it('never expires, and is not accepted as an access token', async () => {
        const { access, refresh } = await server.pair()
        await server.core.advance(31_536_000)
        assert.equal(inShort(await server.token(refreshFields(access))), '400 invalid_grant')
        assert.equal(inShort(await server.token(refreshFields(refresh))), '200')
      })

      it('reused late revokes its family where configured, and not within the grace period', async () => {
        const { refresh } = await strict.pair()
        const next = (await strict.token(refreshFields(refresh))).json
        assert.equal(inShort(await strict.token(refreshFields(refresh))), '400 invalid_grant')
        assert.equal(await isLive(strict, next.access_token), true)
        await strict.core.advance(11)
        assert.equal(inShort(await strict.token(refreshFields(refresh))), '400 invalid_grant')
        assert.equal(await isLive(strict, next.access_token), false)
        assert.equal(inShort(await strict.token(refreshFields(next.refresh_token))), '400 invalid_grant')
        const [event, ...more] = strict.securityEvents.splice(0)
        assert.deepEqual([event?.kind, event?.tokensRevoked, event?.subject], ['refresh_token_reuse', 1, '1'])
        assert.deepEqual(more, [], 'a family is told of once')
        assert.equal((await strict.core.securityEvents(new Date(0))).length, 1)
      })

      it('reused late revokes nothing by default', async () => {
        const { refresh } = await server.pair()
        const next = (await server.token(refreshFields(refresh))).json
        await server.core.advance(11)
        await server.token(refreshFields(refresh))
        assert.equal(await isLive(server, next.access_token), true)
      })
    })

    it('revokes the tokens of a code that is reused late, where configured', async () => {
      const code = await strict.code()
      const { json } = await strict.token(exchangeFields(code))
      await strict.token(exchangeFields(code))
      assert.equal(await isLive(strict, json.access_token), true)
      await strict.core.advance(11)
      assert.equal(inShort(await strict.token(exchangeFields(code))), '400 invalid_grant')
      assert.equal(await isLive(strict, json.access_token), false)
      const events = strict.securityEvents.splice(0)
      assert.deepEqual(
        events.map((event) => event.kind),
        ['authorization_code_replay'],
      )
    })

    describe('client_credentials', () => {
      const rows: ReadonlyArray<readonly [string, Record<string, string>, string, string | undefined]> = [
        ['the default scope', credentials('conf'), '200', 'api'],
        ['a scope', { ...credentials('conf'), scope: 'read_user' }, '200', 'read_user'],
        ['an open scope', { ...credentials('conf'), scope: 'user:7' }, '200', 'user:7'],
        ['openid, but no ID token', { ...credentials('conf'), scope: 'openid' }, '200', 'openid'],
        ['an unknown scope', { ...credentials('conf'), scope: 'bogus' }, '400 invalid_scope', undefined],
        ['a client without the default scope', credentials('limited'), '400 invalid_scope', undefined],
        [
          'a scope the client may not have',
          { ...credentials('limited'), scope: 'api' },
          '400 invalid_scope',
          undefined,
        ],
        ['the default within the client scopes', credentials('scoped'), '200', 'api'],
        ['a public client with its secret', credentials('public', clients.public.secret), '200', 'api'],
        ['a public client without its secret', credentials('public'), '401 invalid_client', undefined],
        ['no client', {}, '401 invalid_client', undefined],
      ]
      for (const [what, fields, wanted, scope] of rows) {
        it(`answers ${what} with ${wanted}`, async () => {
          const answer = await server.token({ grant_type: 'client_credentials', ...fields })
          assert.equal(inShort(answer), wanted)
          assert.equal(answer.json.scope, scope)
          assert.equal(answer.json.refresh_token, undefined)
          assert.equal(answer.json.id_token, undefined)
        })
      }
    })

    describe('password', () => {
      const rows: ReadonlyArray<readonly [string, Record<string, string>, string]> = [
        ['name and password', credentials('conf'), '200'],
        ['a wrong password', { ...credentials('conf'), password: 'x' }, '400 invalid_grant'],
        ['an empty password', { ...credentials('conf'), password: '' }, '400 invalid_grant'],
        ['a NUL in the name', { ...credentials('conf'), username: 'alice\u0000' }, '400 invalid_grant'],
        ['an unknown scope', { ...credentials('conf'), scope: 'bogus' }, '400 invalid_scope'],
        ['a scope the client may not have', { ...credentials('limited'), scope: 'api' }, '400 invalid_scope'],
        ['a client without the default scope', credentials('limited'), '200'],
        ['a wrong secret and a wrong password', { ...credentials('conf', 'x'), password: 'x' }, '401 invalid_client'],
        ['no client', {}, '401 invalid_client'],
      ]
      for (const [what, fields, wanted] of rows) {
        it(`answers ${what} with ${wanted}`, async () => {
          assert.equal(inShort(await server.token({ ...PASSWORD, ...fields })), wanted)
        })
      }

      it('omits an empty scope from the answer', async () => {
        const { json } = await server.token({ ...PASSWORD, ...credentials('limited') })
        assert.equal('scope' in json, false)
      })

      it('needs no client where the setting allows it, but rejects a wrong one', async () => {
        const answer = await strict.token(PASSWORD)
        assert.equal(inShort(answer), '200')
        assert.equal(inShort(await strict.token({ ...PASSWORD, ...credentials('conf', 'x') })), '401 invalid_client')
        const refresh = { grant_type: 'refresh_token', refresh_token: answer.json.refresh_token }
        assert.equal(inShort(await strict.token(refresh)), '200')
      })
    })

    describe('the ID token', () => {
      it('is signed by the published key and contains the claims in order', async () => {
        const code = await server.code('conf', { scope: 'openid email', nonce: 'n-1' })
        const { json } = await server.token(exchangeFields(code))
        assert.equal(Object.keys(json).at(-1), 'id_token')
        const [head = '', body = '', signature = ''] = json.id_token.split('.')
        const { keys } = (await server.send('GET', '/oauth/discovery/keys')).json
        assert.deepEqual(JSON.parse(Buffer.from(head, 'base64url').toString()), {
          typ: 'JWT',
          kid: keys[0].kid,
          alg: 'RS256',
        })
        const key = createPublicKey({ key: keys[0], format: 'jwk' })
        assert.ok(verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')))
        const claims = claimsOf(json.id_token)
        const names = ['iss', 'sub', 'aud', 'exp', 'iat', 'nonce', 'auth_time', 'email', 'email_verified']
        assert.deepEqual(Object.keys(claims), names)
        assert.equal(claims['sub'], '1')
        assert.equal(Number(claims['exp']) - Number(claims['iat']), 120)
      })

      it('is issued again with a refresh, without the nonce and without an e-mail address that was not requested', async () => {
        const { refresh } = await server.pair('conf', { scope: 'openid', nonce: 'n-1' })
        const { json } = await server.token(refreshFields(refresh))
        assert.deepEqual(Object.keys(claimsOf(json.id_token)), ['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time'])
      })

      it('is not issued without the openid scope', async () => {
        const { json } = await server.token(exchangeFields(await server.code('conf', { nonce: 'n' })))
        assert.equal(json.id_token, undefined)
      })

      it('has the key’s thumbprint as kid, and its key is encrypted when a sealing key is configured', async () => {
        const { keys } = await strict.core.jwks()
        const { e, kty, n, kid } = keys[0] as Record<string, string>
        assert.equal(kid, createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url'))
        const rows = await store.database.query<{ sealed: boolean; private_key: Buffer }>(
          'select * from iam.signing_keys',
        )
        assert.equal(rows[0]?.sealed, true)
        assert.equal(rows[0]?.private_key.includes(Buffer.from('020100300d0609', 'hex')), false, 'no PKCS #8 header')
      })
    })
  })
}
