import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { headerOf } from '../index.ts'
import type { Parameters } from '../parameters/value.ts'
import { type ClientName, clients, seedOwner } from '../testing/seed.ts'
import {
  authorizationParameters,
  credentials,
  exchangeFields,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'
import type { AuthorizationStep } from './authorization-request.ts'

const ORIGIN = 'https://issuer.example.test'
const alice = seedOwner('alice')
const OIDC = { scope: 'openid email' }

for (const engine of testDatabases()) {
  describe(`/oauth/authorize on ${engine.kind}`, () => {
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
    const asked = (client: ClientName, more: Record<string, unknown> = {}) =>
      ({ ...authorizationParameters(client), ...more }) as Parameters
    const begin = (client: ClientName, more: Record<string, unknown> = {}) =>
      server.core.begin(asked(client, more), alice)
    const brief = (step: AuthorizationStep) => (step.kind === 'reply' ? String(step.reply.status) : step.kind)
    const locationOf = (step: AuthorizationStep) =>
      step.kind === 'reply' ? headerOf(step.reply.headers, 'location') : undefined

    const pages: ReadonlyArray<readonly [string, ClientName, Record<string, unknown>, string, string?]> = [
      ['a good request', 'conf', {}, 'consent'],
      ['a trusted client', 'trusted', {}, 'issue'],
      ['an empty scope', 'conf', { scope: '' }, 'consent'],
      ['a list for a scope', 'conf', { scope: ['api', 'read_user'] }, 'consent'],
      ['a hash for a state', 'conf', { state: { a: 'x' } }, 'consent'],
      ['a challenge of two characters', 'conf', { code_challenge: 'ab', code_challenge_method: 'S256' }, 'consent'],
      ['a method without a challenge', 'conf', { code_challenge_method: 'bogus' }, 'consent'],
      ['an empty response_mode', 'conf', { response_mode: '' }, 'consent'],
      ['no client_id', 'conf', { client_id: '' }, '400', 'Missing required parameter: client_id.'],
      ['a list for a client_id', 'conf', { client_id: ['x'] }, '400', 'Missing required parameter: client_id.'],
      ['an unknown client_id', 'conf', { client_id: 'f'.repeat(64) }, '401', 'Client authentication failed'],
      ['a NUL for a client_id', 'conf', { client_id: '\u0000' }, '401', 'Client authentication failed'],
      ['no redirect_uri', 'conf', { redirect_uri: undefined }, '400', 'The requested redirect URI is malformed'],
      [
        'a foreign redirect_uri',
        'conf',
        { redirect_uri: 'https://evil.example.test/' },
        '400',
        'The requested redirect URI',
      ],
      ['no response_type', 'conf', { response_type: undefined }, '400', 'Missing required parameter: response_type.'],
      ['the response_type token', 'conf', { response_type: 'token' }, '400', 'does not support this response type'],
      ['an unknown response_mode', 'conf', { response_mode: 'QUERY' }, '400', 'does not support this response mode'],
      ['an unknown scope', 'conf', { scope: 'api bogus' }, '400', 'The requested scope is invalid'],
      ['a client without the default scope', 'limited', { scope: undefined }, '400', 'The requested scope is invalid'],
      ['a challenge without a method', 'conf', { code_challenge: 'ab' }, '400', 'must be one of plain, S256.'],
      [
        'a method with a line before it',
        'conf',
        { code_challenge: 'ab', code_challenge_method: 'x\nS256' },
        '400',
        'must be one of',
      ],
      ['a NUL in the nonce', 'conf', { nonce: '\u0000' }, '400', 'The request is missing a required parameter'],
    ]
    for (const [what, client, more, wanted, text] of pages) {
      it(`GET answers ${what} with ${wanted}`, async () => {
        const step = await begin(client, more)
        assert.equal(brief(step), wanted)
        if (step.kind !== 'reply') return
        assert.equal(locationOf(step), undefined)
        assert.equal(headerOf(step.reply.headers, 'content-type'), 'text/html; charset=utf-8')
        const page = String(step.reply.body).replaceAll('&#39;', "'")
        assert.ok(page.includes('An error has occurred') && page.includes(text ?? ''), page)
      })
    }

    it('GET checks nothing for a user who is not signed in', async () => {
      assert.equal(brief(await server.core.begin({} as Parameters, undefined)), 'sign_in')
      assert.equal(brief(await server.core.begin(asked('conf', { prompt: 'none' }), undefined)), 'sign_in')
    })

    it('GET sends the error of an unsatisfiable prompt to the client, with the headers of a token error', async () => {
      const step = await server.core.begin(asked('conf', { ...OIDC, prompt: 'none' }), undefined)
      assert.equal(brief(step), '302')
      assert.match(
        locationOf(step) ?? '',
        /^https:\/\/conf\.example\.test\/callback\?error=login_required&error_description=.*&state=st-123$/,
      )
      assert.ok(step.kind === 'reply')
      assert.equal(headerOf(step.reply.headers, 'cache-control'), 'no-store')
      assert.equal(headerOf(step.reply.headers, 'content-type'), 'application/json; charset=utf-8')
      assert.match(headerOf(step.reply.headers, 'www-authenticate') ?? '', /error="login_required"/)
    })

    it('GET answers that error as JSON for a client without a redirect address', async () => {
      const parameters = asked('native', { ...OIDC, prompt: 'none' })
      const step = await server.core.begin(parameters, undefined, {
        signInAddress: `${ORIGIN}/users/sign_in`,
      })
      assert.ok(step.kind === 'reply')
      assert.equal(step.reply.status, 400)
      assert.equal(headerOf(step.reply.headers, 'location'), `${ORIGIN}/users/sign_in`)
      assert.equal(JSON.parse(String(step.reply.body)).error, 'login_required')
    })

    it('GET requests consent once for the same scopes in any order, and every time for a public client', async () => {
      await server.core.reset()
      await server.pair('conf', { scope: 'api read_user' })
      await server.pair('public')
      assert.equal(brief(await begin('conf', { scope: 'read_user api' })), 'issue')
      assert.equal(brief(await begin('conf', { scope: 'api' })), 'consent')
      assert.equal(brief(await begin('conf', { scope: 'api read_user openid' })), 'consent')
      assert.equal(brief(await begin('public')), 'consent')
      assert.equal(
        brief(await server.core.begin(asked('conf', { scope: 'api read_user' }), seedOwner('bob'))),
        'consent',
      )
      await server.core.advance(100_000)
      assert.equal(brief(await begin('conf', { scope: 'api read_user' })), 'issue')
    })

    it('GET applies the same rule to grants made elsewhere, and looks them up only when they decide', async () => {
      await server.core.reset()
      let asked = 0
      const elsewhere = async (client: ClientName, more: Record<string, unknown>, ...granted: string[]) => {
        asked = 0
        const grantedElsewhere = async () => {
          asked++
          return granted
        }
        const parameters = { ...authorizationParameters(client), ...more } as Parameters
        return brief(await server.core.begin(parameters, alice, { grantedElsewhere }))
      }
      assert.equal(await elsewhere('conf', { scope: 'api read_user' }, 'openid', 'read_user api'), 'issue')
      assert.equal(await elsewhere('conf', { scope: 'api' }, 'api read_user'), 'consent')
      assert.equal(await elsewhere('conf', { ...OIDC, prompt: 'none' }, 'email openid'), 'issue')
      assert.equal(await elsewhere('conf', { ...OIDC, prompt: 'none' }), '302')
      assert.equal(asked, 1)
      assert.equal(await elsewhere('public', { ...OIDC, prompt: 'none' }, 'openid email'), 'consent')
      assert.equal(asked, 1)
      const settled: ReadonlyArray<readonly [ClientName, Record<string, unknown>, string]> = [
        ['trusted', {}, 'issue'],
        ['trusted', { ...OIDC, prompt: 'none' }, 'issue'],
        ['public', {}, 'consent'],
        ['conf', { ...OIDC, prompt: 'consent' }, 'consent'],
        ['conf', { ...OIDC, prompt: 'login' }, 'reauthenticate'],
        ['conf', { scope: 'bogus' }, '400'],
      ]
      for (const [client, more, step] of settled) {
        assert.deepEqual([await elsewhere(client, more, 'openid email', 'api'), asked], [step, 0])
      }
      await server.pair('conf', { scope: 'api' })
      assert.deepEqual([await elsewhere('conf', {}, 'api'), asked], ['issue', 0])
    })

    it('GET requests consent again after a revocation, and for a code that was never exchanged', async () => {
      await server.core.reset()
      await server.code()
      assert.equal(brief(await begin('conf')), 'consent')
      const { access } = await server.pair()
      assert.equal(brief(await begin('conf')), 'issue')
      await server.send('POST', '/oauth/revoke', { form: { token: access, ...credentials('conf') } })
      assert.equal(brief(await begin('conf')), 'consent')
    })

    it('POST appends the code and the state to the query of the redirect address', async () => {
      const reply = await server.core.approve(
        asked('multi', { redirect_uri: clients.multi.redirect_uris[1] }),
        alice,
        ORIGIN,
      )
      assert.equal(reply.status, 302)
      assert.match(
        headerOf(reply.headers, 'location') ?? '',
        /^https:\/\/two\.example\.test\/cb\?tenant=1&x=2&code=[0-9a-f]{64}&state=st-123$/,
      )
      assert.equal(headerOf(reply.headers, 'cache-control'), 'no-cache')
    })

    it('POST keeps a state with unusual characters, and omits an empty one', async () => {
      const odd = await server.core.approve(asked('conf', { state: 'a b&c=d/é+%25"' }), alice, ORIGIN)
      assert.match(headerOf(odd.headers, 'location') ?? '', /&state=a\+b%26c%3Dd%2F%C3%A9%2B%2525%22$/)
      const none = await server.core.approve(asked('conf', { state: '' }), alice, ORIGIN)
      assert.match(headerOf(none.headers, 'location') ?? '', /\?code=[0-9a-f]{64}$/)
    })

    it('POST answers in the requested response mode', async () => {
      const fragment = await server.core.approve(asked('conf', { response_mode: 'fragment' }), alice, ORIGIN)
      assert.match(headerOf(fragment.headers, 'location') ?? '', /^https:\/\/conf\.example\.test\/callback#code=/)
      const page = await server.core.approve(
        asked('conf', { response_mode: 'form_post', state: '"><b>' }),
        alice,
        ORIGIN,
      )
      assert.equal(page.status, 200)
      assert.match(
        String(page.body),
        /<form id="form-post" method="post" action="https:\/\/conf\.example\.test\/callback">/,
      )
      assert.match(String(page.body), /name="state" value="&quot;&gt;&lt;b&gt;"/)
      assert.match(headerOf(page.headers, 'content-security-policy') ?? '', /script-src 'sha256-/)
    })

    it('POST sends a user of a client without a redirect address to the page that displays the code', async () => {
      const reply = await server.core.approve(asked('native'), alice, ORIGIN)
      assert.match(
        headerOf(reply.headers, 'location') ?? '',
        /^https:\/\/issuer\.example\.test\/oauth\/authorize\/native\?code=[0-9a-f]{64}$/,
      )
      const page = server.core.nativePage({ code: '<script>alert(1)</script>' })
      assert.match(String(page.body), /<code id="authorization_code">&lt;script&gt;alert\(1\)&lt;\/script&gt;<\/code>/)
    })

    const posted: ReadonlyArray<readonly [string, Record<string, unknown>, number, string]> = [
      ['an unknown client', { client_id: 'f'.repeat(64) }, 401, 'invalid_client'],
      ['no client_id', { client_id: undefined }, 400, 'invalid_request'],
      ['a foreign redirect_uri', { redirect_uri: 'https://evil.example.test/' }, 400, 'invalid_redirect_uri'],
      ['an unknown scope', { scope: 'bogus' }, 302, 'invalid_scope'],
      ['another response_type', { response_type: 'token' }, 302, 'unsupported_response_type'],
      ['a challenge without a method', { code_challenge: 'x' }, 302, 'invalid_code_challenge_method'],
    ]
    for (const [what, more, status, error] of posted) {
      it(`POST answers ${what} with ${status} ${error}`, async () => {
        const reply = await server.core.approve(asked('conf', more), alice, ORIGIN)
        assert.equal(reply.status, status)
        const location = headerOf(reply.headers, 'location')
        if (status === 302) assert.ok(location?.startsWith(`https://conf.example.test/callback?error=${error}&`))
        else assert.deepEqual([location, JSON.parse(String(reply.body)).error], [undefined, error])
      })
    }

    it('POST issues a code for the scope in the form', async () => {
      const code = await server.code('conf', { scope: 'api openid api' })
      assert.equal((await server.token(exchangeFields(code))).json.scope, 'api openid')
    })

    it('DELETE reports the refusal to the client, and redirects only to an address of the client', async () => {
      const denied = async (client: ClientName, more: Record<string, unknown> = {}) => {
        const reply = await server.core.deny(asked(client, more))
        return [
          reply.status,
          headerOf(reply.headers, 'location')?.split('&')[0] ?? JSON.parse(String(reply.body)).error,
        ]
      }
      const toClient = [302, 'https://conf.example.test/callback?error=access_denied']
      assert.deepEqual(await denied('conf'), toClient)
      assert.deepEqual(await denied('conf', { scope: 'bogus', response_type: undefined }), toClient)
      assert.deepEqual(await denied('native'), [400, 'access_denied'])
      assert.deepEqual(await denied('conf', { redirect_uri: 'https://evil.example.test/' }), [
        400,
        'invalid_redirect_uri',
      ])
      assert.deepEqual(await denied('conf', { client_id: 'f'.repeat(64) }), [401, 'invalid_client'])
    })

    it('a checked request survives a JSON round trip', async () => {
      const checked = await server.core.preAuthorize(asked('conf', { nonce: 'n', response_mode: 'query' }))
      assert.ok(checked.ok)
      const reply = await server.core.issueCode(JSON.parse(JSON.stringify(checked.request)), alice, ORIGIN)
      assert.equal(reply.status, 302)
      const refusal = server.core.refuse(checked.request)
      assert.match(headerOf(refusal.headers, 'location') ?? '', /error=access_denied/)
    })
  })
}
