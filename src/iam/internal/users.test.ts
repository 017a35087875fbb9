import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import {
  INTERNAL_PATHS,
  knownUsersSchema,
  type ResourceOwnerDocument,
  revokedUserSchema,
  storedUserSchema,
} from '../../handoff/index.ts'
import type { Database } from '../../storage/index.ts'
import { Browser } from '../testing/browser.ts'
import { authorizeUrl, confidential, exchange, postForm, replicateAll, SECRET } from '../testing/clients.ts'
import { alice, bob, type Platform, startPlatform, testDatabases } from '../testing/platform.ts'

const CLIENT = { client_id: confidential.client_id, client_secret: SECRET }
const { auth_time: _, ...profile } = alice

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`changes of users, on ${name}`, () => {
    let database: Database
    let platform: Platform
    /** Each test uses versions above those of the tests before it. */
    let version = 100

    before(async () => {
      database = await open()
      platform = await startPlatform(database, 'iam_users', { withPasswords: true })
      await replicateAll(platform)
    })
    after(async () => {
      await platform.close()
      await database.close()
    })
    beforeEach(async () => {
      await fetch(`${platform.origin}/__lab/reset`, { method: 'POST' })
      Object.assign(platform.behaviour, { user: alice, signIn: 'accept', consent: 'accept', passwords: 'answer' })
      version += 100
      await put({})
    })

    const put = (change: object) =>
      platform.internal('PUT', INTERNAL_PATHS.users, { ...profile, version: ++version, ...change })
    const remove = (at: number, subject = '1') =>
      platform.internal('DELETE', `${INTERNAL_PATHS.users}/${subject}?version=${at}`)
    const browse = async (browser = new Browser(platform.origin)) =>
      browser.go(authorizeUrl(confidential, { scope: 'openid email' }))
    const codeFor = async (user: ResourceOwnerDocument) => {
      platform.behaviour.user = user
      return (await browse()).location?.searchParams.get('code') ?? ''
    }
    const tokensFor = async (user = alice) => (await exchange(platform, await codeFor(user))).json
    const userinfo = async (tokens: Record<string, unknown>) => {
      const headers = { authorization: `Bearer ${tokens['access_token']}` }
      const answer = await fetch(`${platform.origin}/oauth/userinfo`, { headers })
      return { status: answer.status, json: answer.ok ? ((await answer.json()) as Record<string, unknown>) : {} }
    }
    const refresh = async (tokens: Record<string, unknown>) =>
      (
        await postForm(platform, '/oauth/token', {
          ...CLIENT,
          grant_type: 'refresh_token',
          refresh_token: String(tokens['refresh_token']),
        })
      ).json
    const password = async () =>
      (
        await postForm(platform, '/oauth/token', {
          ...{ ...CLIENT, grant_type: 'password', scope: 'openid' },
          ...{ username: 'alice', password: 'alice-password-1' },
        })
      ).json
    const introspect = async (tokens: Record<string, unknown>) =>
      (await platform.internal('POST', INTERNAL_PATHS.introspect, { token: tokens['access_token'] })).json
    const assertEnded = async (tokens: Record<string, unknown>) => {
      assert.equal((await userinfo(tokens)).status, 401)
      assert.equal((await refresh(tokens))['error'], 'invalid_grant')
      assert.deepEqual(await introspect(tokens), { active: false })
    }

    test('are visible at userinfo at once, with existing tokens', async () => {
      const tokens = await tokensFor()
      const changed = await put({ name: 'Alice Newname', email: 'new@example.test', claims: { email_verified: true } })
      assert.deepEqual(storedUserSchema.parse(changed.json), { subject: '1', stored: true, version, state: 'active' })
      const { json } = await userinfo(tokens)
      assert.deepEqual(
        [json['name'], json['email'], json['email_verified']],
        ['Alice Newname', 'new@example.test', true],
      )
    })

    test('that arrive late change nothing, and the answer contains the stored version', async () => {
      const tokens = await tokensFor()
      await put({ name: 'Newer' })
      const held = version
      for (const late of [held, held - 1]) {
        const { status, json } = await put({ name: 'Older', version: late })
        assert.equal(status, 200)
        assert.deepEqual(json, { subject: '1', stored: false, version: held, state: 'active' })
      }
      assert.equal((await userinfo(tokens)).json['name'], 'Newer')
    })

    for (const [what, end] of Object.entries({
      'blocked is': () => put({ state: 'blocked' }),
      'deleted is': () => remove(++version),
    })) {
      test(`a user who ${what} has nothing left, and obtains nothing`, async () => {
        const tokens = await tokensFor()
        const others = await tokensFor(bob)
        const code = await codeFor(alice)
        const { json: device } = await postForm(platform, '/oauth/authorize_device', { ...CLIENT, scope: 'openid' })
        await platform.internal('PUT', `${INTERNAL_PATHS.deviceAccept}?user_code=${device['user_code']}`, alice)
        platform.behaviour.consent = 'show'
        const waiting = new Browser(platform.origin)
        const consentPage = await waiting.go(authorizeUrl(confidential, { scope: 'openid' }))
        assert.equal(new URL(consentPage.url).pathname, '/-/iam/consent')
        const challenge = new URL(consentPage.url).searchParams.get('consent_challenge')

        assert.equal((await end()).status, 200)
        await assertEnded(tokens)
        assert.equal((await exchange(platform, code)).json['error'], 'invalid_grant')
        const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
        const poll = { ...CLIENT, grant_type, device_code: String(device['device_code']) }
        assert.equal((await postForm(platform, '/oauth/token', poll)).json['error'], 'invalid_grant')
        assert.equal((await password())['error'], 'invalid_grant')
        const body = { grant_scope: ['openid'], subject: '1' }
        const consent = await platform.internal('PUT', `${INTERNAL_PATHS.consentAccept}?challenge=${challenge}`, body)
        assert.equal(consent.status, 404, 'the page that was open')
        platform.behaviour.consent = 'accept'
        assert.equal((await browse()).location, undefined, 'a sign-in that the platform answers by mistake')
        assert.equal((await userinfo(others)).status, 200, 'another user keeps what is theirs')
      })

      test(`a user who ${what} is admitted again by a newer version, and what ended stays invalid`, async () => {
        const tokens = await tokensFor()
        await end()
        assert.equal((await put({ name: 'Back' })).status, 200)
        await assertEnded(tokens)
        const again = await tokensFor()
        assert.equal((await userinfo(again)).status, 200)
        assert.notEqual((await password())['access_token'], undefined)
      })
    }

    test('a sign-in, device approval or password grant in progress when the user is blocked is rejected', async () => {
      await tokensFor()
      const { location } = await new Browser(platform.origin).once(authorizeUrl(confidential))
      const challenge = location?.searchParams.get('login_challenge')
      const { json: device } = await postForm(platform, '/oauth/authorize_device', CLIENT)
      await put({ state: 'blocked' })
      const accept = (document: object) =>
        platform.internal('PUT', `${INTERNAL_PATHS.loginAccept}?challenge=${challenge}`, document)
      for (const document of [alice, { ...alice, version }, { ...alice, version: version - 1 }]) {
        const refused = await accept(document)
        assert.equal(refused.status, 409)
        assert.deepEqual(refused.json, { error: 'conflict', error_description: 'subject: is blocked or deleted' })
      }
      const approve = await platform.internal(
        'PUT',
        `${INTERNAL_PATHS.deviceAccept}?user_code=${device['user_code']}`,
        alice,
      )
      assert.equal(approve.status, 409)
      assert.equal((await accept({ ...alice, version: ++version })).status, 200, 'let in again since')
    })

    test('an unknown user who is blocked is remembered, and one who is not blocked is not stored', async () => {
      const stranger = { subject: '77', username: 'zoe', name: 'Zoe', email: 'zoe@example.test' }
      assert.deepEqual((await put(stranger)).json, { subject: '77', stored: false, version: null, state: null })
      await put({ ...stranger, state: 'blocked' })
      platform.behaviour.user = { ...alice, ...stranger }
      assert.equal((await browse()).location, undefined)
    })

    test('a raised epoch, and the call for it, sign a user out everywhere and block no user', async () => {
      await put({ credentials_epoch: 1 })
      const revoke = () => platform.internal('POST', INTERNAL_PATHS.usersRevoke, { subject: '1' })
      const raise = () => put({ credentials_epoch: 2 })
      await tokensFor()
      assert.ok(revokedUserSchema.parse((await revoke()).json).tokens_revoked > 0)
      for (const end of [raise, revoke]) {
        const tokens = await tokensFor()
        assert.equal((await end()).status, 200)
        await assertEnded(tokens)
        assert.equal((await userinfo(await tokensFor())).status, 200)
      }
      const tokens = await tokensFor()
      await put({ credentials_epoch: 2 })
      assert.equal((await userinfo(tokens)).status, 200, 'the same epoch again ends nothing')
      await tokensFor({ ...alice, version: ++version, credentials_epoch: 3 })
      assert.equal((await userinfo(tokens)).status, 401, 'a sign-in that comes before the change')
    })

    test('nothing remains of the profile of a deleted user, in store or list', async () => {
      await tokensFor()
      await remove(++version)
      const rows = await database.query('select * from iam_users_handoff.resource_owners where subject = $1', ['1'])
      assert.ok(!/alice/i.test(JSON.stringify(rows)), JSON.stringify(rows))
      const { json } = await platform.internal('GET', `${INTERNAL_PATHS.users}?limit=1`)
      assert.deepEqual(knownUsersSchema.parse(json), {
        users: [{ subject: '1', version, state: 'deleted' }],
        next: '1',
      })
      const rest = await platform.internal('GET', `${INTERNAL_PATHS.users}?after=1`)
      assert.equal(knownUsersSchema.parse(rest.json).next, null)
    })

    test('that are invalid are rejected by field and rule', async () => {
      const refused = await put({ version: 0, state: 'gone', username: '', groups: ['admins'] })
      assert.equal(refused.status, 400)
      const { error_description } = refused.json as { error_description: string }
      for (const field of ['version', 'state', 'username']) assert.match(error_description, new RegExp(`${field}: `))
      assert.match(error_description, /groups/)
      assert.equal((await remove(0)).status, 400)
      assert.equal((await remove(1, 'x')).status, 400)
      assert.equal((await platform.internal('GET', `${INTERNAL_PATHS.users}/1`)).status, 405)
      assert.equal((await platform.internal('GET', `${INTERNAL_PATHS.users}?after=x`)).status, 400)
    })
  })
