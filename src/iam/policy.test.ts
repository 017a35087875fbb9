import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as oidc from 'openid-client'
import { INTERNAL_PATHS } from '../handoff/index.ts'
import type { Database } from '../storage/index.ts'
import { Browser } from './testing/browser.ts'
import { authorizeUrl, confidential, postForm, publicClient, replicateAll, SECRET } from './testing/clients.ts'
import { alice, type Platform, startPlatform, testDatabases } from './testing/platform.ts'

const S256 = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' }
const REDIRECT_URI = 'https://client.example.test/callback'
const NEXT = { ...confidential, version: 2 }

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`the policy of IAM, on ${name}`, () => {
    let database: Database
    let strict: Platform
    let compatible: Platform

    before(async () => {
      database = await open()
      strict = await startPlatform(database, 'iam_strict', {
        withPasswords: true,
        protocol: { policy: { preset: 'strict' } },
      })
      compatible = await startPlatform(database, 'iam_compatible')
      for (const platform of [strict, compatible]) await replicateAll(platform)
    })
    after(async () => {
      await strict.close()
      await compatible.close()
      await database.close()
    })
    const arrive = async (platform: Platform, changes: Record<string, string> = {}, client = confidential) =>
      (await new Browser(platform.origin).go(authorizeUrl(client, changes))).location

    test('is met by a certified client: discovery, code, S256, iss, refresh, userinfo', async () => {
      const answer = await fetch(`${strict.origin}/.well-known/openid-configuration`)
      const metadata = (await answer.text()).replaceAll(strict.origin.replace('http:', 'https:'), strict.origin)
      const configuration = new oidc.Configuration(
        JSON.parse(metadata),
        confidential.client_id,
        {},
        oidc.ClientSecretPost(SECRET),
      )
      oidc.allowInsecureRequests(configuration)
      const verifier = oidc.randomPKCECodeVerifier()
      const url = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: REDIRECT_URI,
        scope: 'openid email',
        state: 'st-1',
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      const { location } = await new Browser(strict.origin).go(url.href)
      assert.equal(location?.searchParams.get('iss'), strict.origin)
      const checks = { pkceCodeVerifier: verifier, expectedState: 'st-1', idTokenExpected: true }
      const tokens = await oidc.authorizationCodeGrant(configuration, location as URL, checks)
      const renewed = await oidc.refreshTokenGrant(configuration, tokens.refresh_token ?? '')
      const claims = await oidc.fetchUserInfo(configuration, renewed.access_token, '1')
      assert.equal(claims.email, 'alice@example.test')
    })

    test('sends the issuer even when the user cancels the sign-in or denies consent', async () => {
      for (const behaviour of [{ signIn: 'cancel' }, { consent: 'reject' }] as const) {
        Object.assign(strict.behaviour, behaviour)
        const location = await arrive(strict, S256)
        Object.assign(strict.behaviour, { user: alice, signIn: 'accept', consent: 'accept' })
        assert.equal(location?.searchParams.get('error'), 'access_denied')
        assert.equal(location?.searchParams.get('iss'), strict.origin)
      }
    })

    test('rejects a request without a challenge before the user is asked for consent', async () => {
      const visit = await new Browser(strict.origin).go(authorizeUrl(confidential))
      assert.equal(visit.status, 400)
      assert.match(visit.body, /Code challenge is required\./)
      assert.deepEqual(visit.hops, ['/users/sign_in', '/oauth/authorize'])
    })

    test('disables the password grant', async () => {
      const form = { grant_type: 'password', username: 'alice', password: 'alice-password-1' }
      const { status, json } = await postForm(strict, '/oauth/token', { ...form, client_id: publicClient.client_id })
      assert.deepEqual([status, json['error']], [400, 'unsupported_grant_type'])
    })

    test('applies with the document of one application, and stops with the next', async () => {
      const put = (document: unknown) => compatible.internal('PUT', INTERNAL_PATHS.clients, document)
      assert.equal((await arrive(compatible))?.searchParams.has('iss'), false)
      const answer = await put({ ...NEXT, policy: { require_pkce: 'all', response_iss: 'send' } })
      assert.equal(answer.status, 200, answer.text)
      assert.equal(await arrive(compatible), undefined)
      assert.equal((await arrive(compatible, S256))?.searchParams.get('iss'), compatible.origin)
      assert.equal((await arrive(compatible, {}, publicClient))?.searchParams.has('iss'), false)
      await put({ ...confidential, version: 3 })
      assert.equal((await arrive(compatible))?.searchParams.has('iss'), false)
    })

    test('is rejected in a document that contains an unknown rule', async () => {
      const answer = await compatible.internal('PUT', INTERNAL_PATHS.clients, {
        ...NEXT,
        policy: { require_pkec: 'all' },
      })
      assert.equal(answer.status, 400)
      assert.match(answer.text, /policy/)
    })
  })
