import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as oidc from 'openid-client'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import type { AuthorizationRequest, PreAuthorization } from '../authorization/authorization-request.ts'
import { headerOf } from '../index.ts'
import type { Parameters } from '../parameters/value.ts'
import { CHALLENGE, type PolicyCase, policyCase, VERIFIER } from '../testing/policy-case.ts'
import { clients, seedOwner } from '../testing/seed.ts'
import { type Answer, type ServerUnderTest, startServerUnderTest } from '../testing/server-under-test.ts'

const ISSUER = 'https://issuer.example.test'
const TOKEN_IN_URI = 'Access tokens must not be sent in the request URI.'
const SECRET_IN_URI = 'Credentials must not be sent in the request URI.'
const PKCE = { code_challenge: CHALLENGE, code_challenge_method: 'S256' }
const alice = seedOwner('alice')

const challengeOf = (answer: Answer) => answer.headers['www-authenticate']

for (const engine of testDatabases()) {
  describe(`the strict policy on ${engine.kind}`, () => {
    let store: TestDatabase
    let strict: ServerUnderTest
    let compatible: ServerUnderTest
    let on: PolicyCase
    before(async () => {
      store = await engine.open()
      strict = await startServerUnderTest(store.database, 'strict', { policy: { preset: 'strict' } })
      compatible = await startServerUnderTest(store.database, 'compatible')
      on = await policyCase(strict, 'strict-client')
    })
    after(async () => {
      await strict.close()
      await compatible.close()
      await store.close()
    })
    const asked = (more: Record<string, string | undefined> = {}) =>
      ({
        client_id: on.application.client_id,
        redirect_uri: on.redirectUri,
        response_type: 'code',
        scope: 'openid',
        state: 'st-1',
        ...PKCE,
        ...more,
      }) as Parameters

    describe('an access token in a URI', () => {
      let token: string
      before(async () => {
        token = (await on.tokens())['access_token'] ?? ''
      })

      it('is rejected at a protected resource with an empty body', async () => {
        for (const query of [{ access_token: token }, { bearer_token: token }, { access_token: 'unknown' }]) {
          const answer = await strict.send('GET', '/oauth/userinfo', { query })
          assert.deepEqual([answer.status, answer.body], [400, ''])
          assert.equal(
            challengeOf(answer),
            `Bearer realm="Doorkeeper", error="invalid_request", error_description="${TOKEN_IN_URI}"`,
          )
        }
      })

      it('is rejected even with a valid token in the header', async () => {
        const headers = { authorization: `Bearer ${token}` }
        const answer = await strict.send('GET', '/oauth/userinfo', { headers, query: { bearer_token: token } })
        assert.equal(answer.status, 400)
      })

      it('is rejected at token info and introspection, as JSON', async () => {
        const other = (await on.tokens())['access_token'] ?? ''
        const answers = [
          await strict.send('GET', '/oauth/token/info', { query: { access_token: token } }),
          await strict.send('POST', '/oauth/introspect', { query: { access_token: other }, form: { token } }),
        ]
        for (const { status, json } of answers) {
          assert.deepEqual([status, json], [400, { error: 'invalid_request', error_description: TOKEN_IN_URI }])
        }
      })

      it('is what the policy covers; a token in the header or the body, or an empty one, is accepted', async () => {
        const headers = { authorization: `Bearer ${token}` }
        const answers = [
          await strict.send('GET', '/oauth/userinfo', { headers }),
          await strict.send('GET', '/oauth/userinfo', { headers, query: { access_token: '', x: 'access_token' } }),
          await strict.send('POST', '/oauth/userinfo', { form: { access_token: token } }),
        ]
        assert.deepEqual(
          answers.map(({ status }) => status),
          [200, 200, 200],
        )
      })

      it('is reported to platforms that serve their own resources', async () => {
        const request = (query: string) => ({ query }) as never
        const refused = await strict.core.refuseTokenInUri(request(`access_token=${token}`), on.application.client_id)
        assert.deepEqual([refused?.status, refused?.body], [400, ''])
        assert.equal(await strict.core.refuseTokenInUri(request('x=1'), undefined), undefined)
        assert.equal(await compatible.core.refuseTokenInUri(request(`access_token=${token}`), undefined), undefined)
      })
    })

    it('a secret in the URI of a POST is rejected, right or wrong, at every endpoint', async () => {
      const { client_id } = on.application
      const { refresh_token = '' } = await on.tokens()
      const form = { client_id, client_secret: clients.conf.secret }
      const answers = [
        await on.token({ grant_type: 'client_credentials' }, { client_secret: clients.conf.secret }),
        await on.token({ grant_type: 'refresh_token' }, { refresh_token }),
        await strict.token(
          {},
          { form: '', query: { grant_type: 'password', username: 'alice', client_id, code: 'x' } },
        ),
        await strict.send('POST', '/oauth/introspect', { form, query: { token: refresh_token } }),
        await strict.send('POST', '/oauth/revoke', { form, query: { token: refresh_token } }),
        await strict.send('POST', '/oauth/authorize_device', { query: form }),
      ]
      assert.deepEqual(
        answers.map(({ status, json }) => [status, json.error, json.error_description === SECRET_IN_URI]),
        answers.map((_answer, at) =>
          at === 2 ? [400, 'unsupported_grant_type', false] : [400, 'invalid_request', true],
        ),
      )
      assert.equal((await on.token({ grant_type: 'refresh_token', refresh_token })).status, 200, 'it was not revoked')
    })

    it('a client_id in the URI of a POST is accepted', async () => {
      const { client_id } = on.application
      const form = { grant_type: 'client_credentials', client_secret: clients.conf.secret }
      assert.equal((await strict.token(form, { query: { client_id } })).status, 200)
    })

    it('the code must be exchanged with exactly the redirect address it was requested with', async () => {
      const native = await policyCase(strict, 'native-client', {
        confidential: false,
        redirectUri: 'http://127.0.0.1/cb',
      })
      const exchange = async (redirect_uri: string) => {
        const { code = '' } = await native.authorize({ ...PKCE, redirect_uri: 'http://127.0.0.1:4711/cb' })
        return native.token({ grant_type: 'authorization_code', code, redirect_uri, code_verifier: VERIFIER })
      }
      assert.equal((await exchange('http://127.0.0.1:4711/cb')).status, 200)
      assert.equal((await exchange('http://127.0.0.1:4712/cb')).json.error, 'invalid_grant')
    })

    it('no answer redirects to an address that does not match exactly', async () => {
      const parameters = asked({ redirect_uri: `${on.redirectUri}?code=injected` })
      const begun = await strict.core.begin(parameters, alice)
      assert.equal(begun.kind === 'reply' && begun.reply.status, 400)
      for (const reply of [
        await strict.core.approve(parameters, alice, strict.url),
        await strict.core.deny(parameters),
        await strict.core.approve(asked({ redirect_uri: `${on.redirectUri}?x=1`, scope: 'bogus' }), alice, strict.url),
      ]) {
        assert.equal(reply.status, 400)
        assert.equal(headerOf(reply.headers, 'location'), undefined)
      }
    })

    it('a registered address that contains a reserved parameter is rejected, even when it matches exactly', async () => {
      const redirectUri = 'https://case.example.test/callback?state=fixed'
      const client = await policyCase(strict, 'reserved-client', { redirectUri })
      assert.equal((await client.authorize(PKCE))['error'], 'invalid_redirect_uri')
      const lax = await policyCase(compatible, 'reserved-client', { redirectUri })
      assert.equal((await lax.authorize(PKCE))['error'], undefined)
    })

    it('PKCE can be required of public clients alone', async () => {
      const policy = { require_pkce: 'public' } as const
      const [confidential, open] = [
        await policyCase(compatible, 'pkce-confidential', { policy }),
        await policyCase(compatible, 'pkce-public', { policy, confidential: false }),
      ]
      assert.equal((await confidential.authorize())['error'], undefined)
      assert.equal((await open.authorize())['error'], 'invalid_request')
      assert.equal((await open.authorize(PKCE))['error'], undefined)
    })

    it('S256 is the only accepted challenge method', async () => {
      for (const code_challenge_method of ['plain', 'S512', undefined]) {
        const answer = await on.authorize({ code_challenge: CHALLENGE, code_challenge_method })
        assert.equal(answer['error'], 'invalid_request')
        assert.equal(answer['error_description'], 'The code_challenge_method must be S256.')
      }
    })

    it('discovery lists what is accepted, and adds nothing under the compatible policy', async () => {
      const read = async (server: ServerUnderTest) =>
        (await server.send('GET', '/.well-known/openid-configuration')).json as Record<string, unknown>
      const [held, usual] = [await read(strict), await read(compatible)]
      assert.deepEqual(held['code_challenge_methods_supported'], ['S256'])
      assert.equal((held['grant_types_supported'] as string[]).includes('password'), false)
      assert.equal(held['authorization_response_iss_parameter_supported'], true)
      assert.deepEqual(usual['code_challenge_methods_supported'], ['plain', 'S256'])
      assert.equal((usual['grant_types_supported'] as string[]).includes('password'), true)
      assert.equal('authorization_response_iss_parameter_supported' in usual, false)
    })

    describe('the issuer', () => {
      const good = async (more: Record<string, string> = {}) => {
        const checked: PreAuthorization = await strict.core.preAuthorize(asked(more))
        assert.ok(checked.ok)
        return checked.request as AuthorizationRequest
      }
      const prompted = async (prompt: string, user = alice as typeof alice | undefined) => {
        const step = await strict.core.begin(asked({ prompt, scope: 'openid email' }), user)
        assert.ok(step.kind === 'reply')
        return step.reply
      }

      it('is the last parameter of every answer to the client, in every mode', async () => {
        const answers = {
          code: await strict.core.approve(asked(), alice, strict.url),
          fragment: await strict.core.issueCode(await good({ response_mode: 'fragment' }), alice, strict.url),
          error: await strict.core.approve(asked({ scope: 'bogus' }), alice, strict.url),
          denial: await strict.core.deny(asked()),
          refusal: strict.core.refuse(await good()),
          other: strict.core.refuse(await good(), { error: 'temporarily_unavailable', description: 'Later.' }),
          login: await prompted('none', undefined),
          consent: await prompted('none'),
        }
        for (const [what, reply] of Object.entries(answers)) {
          const location = headerOf(reply.headers, 'location') ?? ''
          assert.match(location, /[?#&]state=st-1&iss=https%3A%2F%2Fissuer\.example\.test$/, what)
        }
        const form = await strict.core.issueCode(await good({ response_mode: 'form_post' }), alice, strict.url)
        assert.match(String(form.body), /<input type="hidden" name="iss" value="https:\/\/issuer\.example\.test">/)
      })

      it('is absent from every answer displayed here', async () => {
        const oob = 'urn:ietf:wg:oauth:2.0:oob'
        await policyCase(strict, 'oob-client', { redirectUri: oob })
        const parameters = asked({ client_id: 'oob-client', redirect_uri: oob })
        const denial = await strict.core.deny(parameters)
        assert.deepEqual(Object.keys(JSON.parse(String(denial.body))), ['error', 'error_description', 'state'])
        const shown = await strict.core.approve(parameters, alice, strict.url)
        assert.doesNotMatch(headerOf(shown.headers, 'location') ?? '', /iss=/)
      })

      const answerAt = async (server: ServerUnderTest) => {
        const reply = await server.core.approve(asked(), alice, server.url)
        return new URL(headerOf(reply.headers, 'location') ?? '')
      }
      const metadata = async (server: ServerUnderTest): Promise<oauth.AuthorizationServer> => {
        const { body } = await server.send('GET', '/.well-known/openid-configuration')
        return JSON.parse(body.replaceAll('https://127.0.0.1', 'http://127.0.0.1'))
      }

      it('is verified by oauth4webapi, which rejects an answer without it', async () => {
        await policyCase(compatible, on.application.client_id)
        const client = { client_id: on.application.client_id }
        const server = await metadata(strict)
        const answer = await answerAt(strict)
        assert.equal(oauth.validateAuthResponse(server, client, answer, 'st-1').get('iss'), ISSUER)
        const mixedUp = await answerAt(compatible)
        assert.throws(() => oauth.validateAuthResponse(server, client, mixedUp, 'st-1'), /"iss" .* missing/)
        answer.searchParams.set('iss', 'https://attacker.example.test')
        assert.throws(() => oauth.validateAuthResponse(server, client, answer, 'st-1'), /unexpected "iss"/)
      })

      it('lets openid-client complete the flow, and detect a mix-up before it sends the code', async () => {
        const configuration = new oidc.Configuration(
          (await metadata(strict)) as oidc.ServerMetadata,
          on.application.client_id,
          {},
          oidc.ClientSecretPost(clients.conf.secret),
        )
        oidc.allowInsecureRequests(configuration)
        const checks = { pkceCodeVerifier: VERIFIER, expectedState: 'st-1' }
        const forged = await answerAt(strict)
        forged.searchParams.set('iss', 'https://attacker.example.test')
        await assert.rejects(oidc.authorizationCodeGrant(configuration, forged, checks))
        const tokens = await oidc.authorizationCodeGrant(configuration, await answerAt(strict), checks)
        const renewed = await oidc.refreshTokenGrant(configuration, tokens.refresh_token ?? '')
        assert.equal((await oidc.tokenIntrospection(configuration, renewed.access_token)).active, true)
      })
    })
  })
}
