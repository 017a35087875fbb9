import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { INTERNAL_PATHS } from '../../handoff/index.ts'
import { OBSERVED_REQUESTS } from '../../outcomes/index.ts'
import { createIamGrants } from '../iam-state/iam-grants.ts'
import { passwordRisk, passwordUse } from './password-grant.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const TOKEN = 'internal-token-of-the-test'
const WITHOUT = ['authorization_code', 'client_credentials', 'refresh_token']

/**
 * The internal port of an IAM that reports which grant types it can serve; undefined stands in for a version without
 * that endpoint.
 */
async function startIam(): Promise<{ url: string; grants: string[] | undefined; asked: number; server: Server }> {
  const iam = { url: '', grants: WITHOUT as string[] | undefined, asked: 0, server: undefined as unknown as Server }
  iam.server = createServer((request, response) => {
    iam.asked++
    const isKnown = request.url === INTERNAL_PATHS.capabilities && request.headers['gitlab-iam-auth-token'] === TOKEN
    const status = isKnown && iam.grants !== undefined ? 200 : 404
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(status === 200 ? { grant_types: iam.grants } : { error: 'not_found' }))
  })
  await new Promise<void>((resolve) => iam.server.listen(0, '127.0.0.1', resolve))
  iam.url = `http://127.0.0.1:${(iam.server.address() as AddressInfo).port}`
  return iam
}

for (const engine of testDatabases()) {
  describe(`moving applications to an IAM that may not serve the password grant on ${engine.kind}`, () => {
    let store: TestDatabase
    let iam: Awaited<ReturnType<typeof startIam>>
    const planes: TestControlPlane[] = []
    before(async () => {
      store = await engine.open()
      iam = await startIam()
    })
    after(async () => {
      for (const plane of planes) await plane.close()
      iam.server.close()
      await store.close()
    })
    let plane: TestControlPlane
    /** A control plane that has not queried IAM yet. */
    const start = async (isTold = true) => {
      const settings = isTold ? { iam: { url: iam.url, token: TOKEN } } : {}
      plane = await startTestControlPlane(store.database, settings)
      planes.push(plane)
      await plane.announce(testApplication(1, { policy: { password_grant: 'accept' } }))
      await plane.announce(testApplication(2))
      await plane.announce(testApplication(3))
      await plane.announce(testApplication(4, { policy: { preset: 'strict' } }))
    }
    beforeEach(() => {
      iam.grants = WITHOUT
    })
    const set = async (form: Record<string, string>) =>
      (await plane.ask('POST', `/api/v4/features/${FLAG}`, { form })).json
    const say = async (words: string) => {
      const text = `/chatops gitlab run feature set ${FLAG} ${words}`
      return (await plane.ask('POST', '/api/v1/chatops', { json: { text } })).json
    }

    test('the API warns once for applications registered for it and once for those with unknown registration', async () => {
      await start()
      const dry = await set({ value: 'true', dry_run: 'true' })
      assert.equal(dry.warnings.length, 2, JSON.stringify(dry))
      assert.match(dry.warnings[0], /without --resource-owner-url; application 1 "Application 1" may use it/)
      assert.match(dry.warnings[1], /whether applications 2 "Application 2", 3 "Application 3" use it is unknown$/)
      const one = await set({ value: 'true', oauth_application: '1' })
      assert.deepEqual([one.state, one.warnings.length], ['conditional', 1])
      assert.deepEqual((await set({ value: 'true', oauth_application: '4' })).warnings, [], 'it is refused the grant')
      assert.deepEqual((await set({ value: 'false', oauth_application: '1' })).warnings, [], 'the way back')
      const elsewhere = await set({ value: 'true', environment: 'staging' })
      assert.deepEqual(elsewhere.warnings, [], 'that IAM is another one')
      assert.equal((await set({ value: 'true' })).warnings.length, 2)
      const back = await plane.ask('POST', `/api/v1/flags/${FLAG}/restore`, { json: { confirm: true } })
      assert.deepEqual(back.json.warnings, [])
      const again = await plane.ask('POST', `/api/v1/flags/${FLAG}/restore`, {
        json: { confirm: true, dry_run: true, if_version: back.json.version },
      })
      assert.equal(again.json.warnings.length, 2, again.text)
      assert.equal(iam.asked, 1, 'IAM is asked once')
    })

    test('traffic decides what registrations do not say, and names those that use the grant', async () => {
      await start()
      const remember = (id: number, granted: readonly string[]) => {
        const bits = granted.reduce((sum, one) => sum + (1 << OBSERVED_REQUESTS.indexOf(one as never)), 0)
        return store.database.query(
          `insert into ${plane.schema}.outcome_memory (environment, application_id, memory) values ('production', $1, $2)`,
          [id, JSON.stringify({ authenticatedAt: 0, granted: bits, accepted: [], signIn: [], device: [] })],
        )
      }
      await remember(1, ['refresh_token'])
      await remember(2, ['authorization_code', 'password'])
      await remember(3, ['authorization_code', 'refresh_token'])
      await remember(4, ['password'])
      const dry = await set({ value: 'true', dry_run: 'true' })
      assert.deepEqual(
        dry.warnings.map((text: string) => text.split('; ')[1]),
        [
          'application 2 "Application 2" uses it and would be refused',
          'application 1 "Application 1" may use it and would be refused',
        ],
      )
      assert.match((await say('true --dry-run')).text, /warning: .*application 2 "Application 2" uses it/)
      const state = async (id: number) =>
        (await plane.ask('GET', `/api/v1/applications/${id}`)).json.password_grant.used
      assert.deepEqual([await state(2), await state(3)], ['yes', 'no'])
    })

    test("ChatOps carries out the checklist's command unchanged, and adds the warning", async () => {
      await start()
      const text = `/chatops gitlab run feature set --actors=Authn::OauthApplication:1 ${FLAG} true --dev --staging`
      const elsewhere = (await plane.ask('POST', '/api/v1/chatops', { json: { text } })).json
      assert.equal(elsewhere.outcome, 'done')
      assert.doesNotMatch(elsewhere.text, /warning/)
      const done = await say('true --actors=Authn::OauthApplication:1 --ignore-production-check')
      assert.equal(done.outcome, 'done', done.text)
      assert.match(done.text, /warning: IAM cannot serve the password grant.*application 1 "Application 1" may use it/)
      assert.match((await say('true --dry-run')).text, /warning: .*whether applications 2 .* is unknown/)
    })

    test('an application shows whether it may use the grant, and whether IAM can serve it', async () => {
      await start()
      const state = async (id: number) => (await plane.ask('GET', `/api/v1/applications/${id}`)).json.password_grant
      assert.deepEqual(await state(1), { application: 'allowed', used: 'unknown', iam: 'no' })
      assert.deepEqual(await state(2), { application: 'unknown', used: 'unknown', iam: 'no' })
      assert.deepEqual(await state(4), { application: 'refused', used: 'unknown', iam: 'no' })
      const list = (await plane.ask('GET', '/api/v1/applications')).json
      assert.deepEqual(list.iam_grant_types, WITHOUT)
    })

    test('there is no warning if IAM can serve it, does not say, or is unknown', async () => {
      iam.grants = [...WITHOUT, 'password']
      await start()
      assert.deepEqual((await set({ value: 'true' })).warnings, [])
      assert.equal((await plane.ask('GET', '/api/v1/applications/1')).json.password_grant.iam, 'yes')
      iam.grants = undefined
      await start()
      assert.deepEqual((await set({ value: 'true' })).warnings, [])
      assert.equal((await plane.ask('GET', '/api/v1/applications/1')).json.password_grant.iam, 'unknown')
      await start(false)
      assert.deepEqual((await set({ value: 'true' })).warnings, [])
      assert.equal((await plane.ask('GET', '/api/v1/applications')).json.iam_grant_types, null)
    })
  })
}

test("IAM's answer is cached for half a minute, and an unreachable IAM causes no warning", async () => {
  const iam = await startIam()
  let now = 0
  const grants = createIamGrants({ url: iam.url, token: TOKEN }, () => now)
  await Promise.all([grants.current(), grants.current()])
  now = 29_999
  assert.deepEqual(await grants.current(), WITHOUT)
  assert.equal(iam.asked, 1)
  iam.grants = [...WITHOUT, 'password']
  now = 30_000
  assert.deepEqual(await grants.current(), [...WITHOUT, 'password'])
  iam.server.closeAllConnections()
  await new Promise((resolve) => iam.server.close(resolve))
  now = 60_000
  assert.equal(await grants.current(), undefined)
})

test('a registration shows the password grant through its rule, or else through its preset', () => {
  assert.equal(passwordUse(undefined), 'unknown')
  assert.equal(passwordUse({}), 'unknown')
  assert.equal(passwordUse({ preset: 'strict' }), 'refused')
  assert.equal(passwordUse({ preset: 'compatible' }), 'allowed')
  assert.equal(passwordUse({ preset: 'strict', password_grant: 'accept' }), 'allowed')
})

test('a move ends a password grant that traffic shows or that is registered, and may end one if neither is known', () => {
  assert.equal(passwordRisk('unknown', 'yes'), 'used')
  assert.equal(passwordRisk('allowed', 'yes'), 'used')
  assert.equal(passwordRisk('allowed', 'no'), 'allowed')
  assert.equal(passwordRisk('unknown', 'no'), 'none')
  assert.equal(passwordRisk('unknown', 'unknown'), 'unknown')
  assert.equal(passwordRisk('refused', 'yes'), 'none')
})
