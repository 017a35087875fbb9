import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import { INTERNAL_PATHS, type ResourceOwnerDocument } from '../../handoff/index.ts'
import type { Database } from '../../storage/index.ts'
import { Browser } from '../testing/browser.ts'
import { authorizeUrl, confidential, exchange, postForm, replicateAll, SECRET } from '../testing/clients.ts'
import { alice, type Platform, startPlatform, testDatabases } from '../testing/platform.ts'

const CLAIMS = {
  email_verified: false,
  picture: 'https://cdn.example/a.png',
  groups: ['staff', 'staff/on-call'],
  is_admin: true,
}
const CLIENT = { client_id: confidential.client_id, client_secret: SECRET }
const SCOPE = 'openid email'

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`the claims of users at IAM, on ${name}`, () => {
    let database: Database
    let platform: Platform

    before(async () => {
      database = await open()
      platform = await startPlatform(database, 'iam_claims', { withPasswords: true })
      await replicateAll(platform)
    })
    after(async () => {
      await platform.close()
      await database.close()
    })
    beforeEach(async () => {
      await fetch(`${platform.origin}/__lab/reset`, { method: 'POST' })
      platform.behaviour.user = alice
    })

    const signIn = async (user: ResourceOwnerDocument) => {
      platform.behaviour.user = user
      const { location } = await new Browser(platform.origin).go(authorizeUrl(confidential, { scope: SCOPE }))
      return (await exchange(platform, location?.searchParams.get('code') ?? '')).json
    }
    const password = async (user: ResourceOwnerDocument) => {
      platform.behaviour.user = user
      const form = { ...CLIENT, grant_type: 'password', username: 'alice', password: 'alice-password-1', scope: SCOPE }
      return (await postForm(platform, '/oauth/token', form)).json
    }
    const device = async (user: ResourceOwnerDocument) => {
      const { json } = await postForm(platform, '/oauth/authorize_device', { ...CLIENT, scope: SCOPE })
      await platform.internal('PUT', `${INTERNAL_PATHS.deviceAccept}?user_code=${json['user_code']}`, user)
      const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
      const form = { ...CLIENT, grant_type, device_code: String(json['device_code']) }
      return (await postForm(platform, '/oauth/token', form)).json
    }
    const userinfo = async (tokens: Record<string, unknown>) => {
      const headers = { authorization: `Bearer ${tokens['access_token']}` }
      return (await (await fetch(`${platform.origin}/oauth/userinfo`, { headers })).json()) as Record<string, unknown>
    }

    for (const [door, enter] of Object.entries({ signIn, password, device })) {
      test(`are exactly those that the platform supplies by ${door}`, async () => {
        const own = { sub: '1', name: 'Alice Example', nickname: 'alice', preferred_username: 'alice' }
        const tokens = await enter({ ...alice, claims: CLAIMS })
        const { email_verified, picture, groups } = CLAIMS
        const email = 'alice@example.test'
        assert.deepEqual(await userinfo(tokens), { ...own, email, email_verified, picture, groups })
        const idToken = decodeJwt(String(tokens['id_token']))
        assert.deepEqual([idToken['email'], idToken['email_verified'], idToken['groups']], [email, false, undefined])

        const plain = await enter({ ...alice, claims: {} })
        assert.deepEqual(await userinfo(plain), { ...own, email })
        assert.equal(decodeJwt(String(plain['id_token']))['email_verified'], undefined)
      })
    }

    test('are rejected by name and rule when they are invalid', async () => {
      const { location } = await new Browser(platform.origin).once(authorizeUrl(confidential))
      const challenge = location?.searchParams.get('login_challenge')
      const accept = (claims: unknown) =>
        platform.internal('PUT', `${INTERNAL_PATHS.loginAccept}?challenge=${challenge}`, { ...alice, claims })
      const refused = await accept({ email_verified: 'yes', sub: '2' })
      assert.equal(refused.status, 400)
      assert.deepEqual(refused.json, {
        error: 'invalid_request',
        error_description:
          'claims.email_verified: must be a boolean; claims.sub: is for the authorization server alone to say',
      })
      assert.equal((await accept(CLAIMS)).status, 200)
    })
  })
