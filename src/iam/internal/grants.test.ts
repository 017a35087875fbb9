import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { grantsSchema, INTERNAL_PATHS, loginRequestSchema, revokedGrantsSchema } from '../../handoff/index.ts'
import type { Database } from '../../storage/index.ts'
import { Browser } from '../testing/browser.ts'
import { authorizeUrl, confidential, exchange, publicClient, replicateAll, trusted } from '../testing/clients.ts'
import { alice, bob, type Platform, startPlatform, testDatabases } from '../testing/platform.ts'

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`the grants of users on the internal port, on ${name}`, () => {
    let database: Database
    let platform: Platform
    before(async () => {
      database = await open()
      platform = await startPlatform(database, 'iam_grants', {})
      await replicateAll(platform)
    })
    after(async () => {
      await platform.close()
      await database.close()
    })
    beforeEach(async () => {
      await fetch(`${platform.origin}/__lab/reset`, { method: 'POST' })
      Object.assign(platform.behaviour, { user: alice, signIn: 'accept', consent: 'accept' })
    })
    const codeOf = async (over: Record<string, string> = {}) =>
      (await new Browser(platform.origin).go(authorizeUrl(confidential, over))).location?.searchParams.get('code') ?? ''
    const grants = async (query: Record<string, string>) => {
      const answer = await platform.internal('GET', `${INTERNAL_PATHS.grants}?${new URLSearchParams(query)}`)
      return grantsSchema.parse(answer.json).grants
    }
    const revoke = (body: unknown) => platform.internal('POST', INTERNAL_PATHS.grantsRevoke, body)

    test('are listed for a user, and for a user and an application', async () => {
      await exchange(platform, await codeOf({ scope: 'openid api' }))
      const [grant, ...more] = await grants({ subject: '1' })
      const { created_at, ...rest } = grant ?? { created_at: '' }
      const { id, client_id, name: client_name } = confidential
      assert.deepEqual([rest, more], [{ id, client_id, client_name, scope: 'openid api' }, []])
      assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000)
      assert.equal((await grants({ subject: '1', client_id })).length, 1)
      assert.deepEqual(await grants({ subject: '1', client_id: trusted.client_id }), [])
      assert.deepEqual(await grants({ subject: '2' }), [])
    })

    test('are revoked for one user and one application, repeatably, and the next request needs consent again', async () => {
      const { json: pair } = await exchange(platform, await codeOf())
      platform.behaviour.user = bob
      const { json: ofBob } = await exchange(platform, await codeOf())
      platform.behaviour.user = alice
      const code = await codeOf()
      const whose = { subject: '1', client_id: confidential.client_id }
      const first = revokedGrantsSchema.parse((await revoke(whose)).json)
      assert.deepEqual(first.revoked, { tokens: 1, codes: 1, device_codes: 0 })
      const second = revokedGrantsSchema.parse((await revoke(whose)).json)
      assert.deepEqual(second.revoked, { tokens: 0, codes: 0, device_codes: 0 })
      const isActive = async (token: unknown) =>
        ((await platform.internal('POST', INTERNAL_PATHS.introspect, { token })).json as { active: boolean }).active
      assert.deepEqual([await isActive(pair['access_token']), await isActive(ofBob['access_token'])], [false, true])
      assert.equal((await exchange(platform, code)).json['error'], 'invalid_grant')
      platform.behaviour.consent = 'show'
      assert.equal((await new Browser(platform.origin).go(authorizeUrl(confidential))).body, 'consent')
      const unknown = await revoke({ subject: '1', client_id: 'unknown' })
      assert.deepEqual([unknown.status, (unknown.json as { revoked: object }).revoked], [200, second.revoked])
    })

    test('are revoked along with stored answers: a browser that goes back needs consent again', async () => {
      const browser = new Browser(platform.origin)
      let visit = await browser.once(authorizeUrl(confidential))
      while (visit.location?.origin === platform.origin) visit = await browser.once(visit.location.href)
      assert.ok(visit.location?.searchParams.has('code') && /consent_verifier=/.test(visit.url))
      platform.behaviour.consent = 'show'
      assert.ok((await browser.go(visit.url)).location?.searchParams.has('code'), 'the answer holds for a while')
      await revoke({ subject: '1', client_id: confidential.client_id })
      assert.equal((await browser.go(visit.url)).body, 'consent')
    })

    test('reject invalid requests field by field, and requests without the token', async () => {
      for (const query of ['', '?subject=x', '?subject=1&client_id=%00', '?subject=1&other=1']) {
        assert.equal((await platform.internal('GET', `${INTERNAL_PATHS.grants}${query}`)).status, 400, query)
      }
      const { status, json } = await revoke({ subject: 'x' })
      assert.equal(status, 400)
      assert.match(JSON.stringify(json), /subject: must be the decimal string.*client_id: /)
      const bare = await fetch(`${platform.iam.internalUrl}${INTERNAL_PATHS.grants}?subject=1`)
      assert.equal(bare.status, 401)
      assert.equal((await platform.internal('POST', INTERNAL_PATHS.grants, {})).status, 405)
    })

    describe('that the monolith reports at sign-in', () => {
      beforeEach(() => {
        platform.behaviour.consent = 'show'
      })
      const ask = async (
        granted: string[] | undefined,
        over: Record<string, string> = {},
        application = confidential,
      ) => {
        platform.behaviour.grantedScopes = granted
        const visit = await new Browser(platform.origin).go(authorizeUrl(application, { scope: 'openid api', ...over }))
        const answer = visit.location?.searchParams
        return answer ? (answer.get('error') ?? (answer.has('code') ? 'code' : '?')) : visit.body
      }

      test('skip the consent page for exactly these scopes, also with prompt=none', async () => {
        assert.equal(await ask(['api openid']), 'code')
        assert.equal(await ask(['read_user', 'openid api'], { prompt: 'none' }), 'code')
        assert.equal(await ask(['openid'], { prompt: 'none' }), 'consent_required')
        assert.equal(await ask(['openid api read_user']), 'consent')
        assert.equal(await ask([]), 'consent')
        assert.equal(await ask(undefined), 'consent', 'a monolith that says nothing')
        assert.equal(await ask(['openid api'], { prompt: 'consent' }), 'consent')
        assert.equal(await ask(['openid api'], {}, publicClient), 'consent', 'public applications always ask')
      })

      test('are requested by the challenge, and limited in number', async () => {
        platform.behaviour.signIn = 'show'
        const browser = new Browser(platform.origin)
        const visit = await browser.go(authorizeUrl(confidential, { scope: 'openid api' }))
        const challenge = new URL(visit.url).searchParams.get('login_challenge') ?? ''
        const asked = await platform.internal('GET', `${INTERNAL_PATHS.login}?login_challenge=${challenge}`)
        assert.equal(loginRequestSchema.parse(asked.json).asks_granted_scopes, true)
        const accept = (granted_scopes: unknown) =>
          platform.internal('PUT', `${INTERNAL_PATHS.loginAccept}?challenge=${challenge}`, { ...alice, granted_scopes })
        for (const wrong of [['x'.repeat(2_001)], Array(101).fill('api'), 'api', [1]]) {
          const { status, json } = await accept(wrong)
          assert.equal(status, 400)
          assert.match(JSON.stringify(json), /granted_scopes/)
        }
        assert.equal((await accept([])).status, 200)
        const again = await accept(['openid api'])
        assert.equal(again.status, 200, 'the same user again, who has agreed in another tab meanwhile')
        const { redirect_to } = again.json as { redirect_to: string }
        assert.ok((await browser.go(redirect_to)).location?.searchParams.has('code'))
      })
    })
  })
