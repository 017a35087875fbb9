import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Application } from '../../src/applications/index.ts'
import { main } from '../../src/cli/index.ts'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS } from '../../src/handoff/index.ts'
import { call } from '../../src/http/index.ts'
import { type RunningIam, startIam } from '../../src/iam/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'

const TOKEN = 'internal-token-of-this-test'
const LOCAL = { host: '127.0.0.1', port: 0 }
const FLAG = '/api/v4/features/proxy_oauth_requests_to_iam_service'
const left = testApplication(1)
const other = testApplication(2)

for (const engine of testDatabases()) {
  describe(`the remaining credentials after a rollback, on ${engine.kind}`, () => {
    let store: TestDatabase
    let iam: RunningIam
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      const settings = { listen: LOCAL, internalListen: LOCAL, issuer: 'https://issuer.test', database: store.database }
      iam = await startIam(
        { ...settings, internalToken: TOKEN, verifierKey: Buffer.alloc(32), testControls: true },
        silentLog,
      )
      plane = await startTestControlPlane(store.database, { iam: { url: iam.internalUrl, token: TOKEN } })
      for (const application of [left, other]) {
        await internal('PUT', INTERNAL_PATHS.clients, application)
        await plane.announce(application)
      }
    })
    after(async () => {
      await plane.close()
      await iam.close()
      await store.close()
    })
    beforeEach(async () => {
      await fetch(`${iam.url}/__lab/reset`, { method: 'POST' })
      await plane.ask('DELETE', FLAG)
    })

    const internal = (method: 'GET' | 'POST' | 'PUT', path: string, json?: unknown) =>
      call({ method, url: iam.internalUrl + path, headers: { [AUTH_TOKEN_HEADER]: TOKEN }, json })
    const form = async (path: string, fields: Record<string, string>) => {
      const answer = await fetch(iam.url + path, { method: 'POST', body: new URLSearchParams(fields) })
      return (await answer.json()) as Record<string, string>
    }
    /** Signs a device in, so that the application has a pair. */
    const pairOf = async ({ client_id }: Application) => {
      const device = await form('/oauth/authorize_device', { client_id, scope: 'read_user' })
      const owner = { subject: '1', username: 'a', name: 'A', email: 'a@example.test', auth_time: 1_700_000_000 }
      await internal('PUT', `${INTERNAL_PATHS.deviceAccept}?user_code=${device['user_code']}`, owner)
      const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
      const pair = await form('/oauth/token', { grant_type, client_id, device_code: device['device_code'] ?? '' })
      assert.ok(pair['refresh_token'], JSON.stringify(pair))
      return { access: pair['access_token'] ?? '', refresh: pair['refresh_token'] }
    }
    const isActive = async (token: string) =>
      ((await internal('POST', INTERNAL_PATHS.introspect, { token })).json as { active: boolean }).active
    const handover = async (...args: string[]) => {
      const said = { out: '', err: '' }
      const token = join(plane.directory, 'admin-token')
      const code = await main([...args, '--control-url', plane.url, '--token-file', token], {
        stdout: { write: (text) => (said.out += text) },
        stderr: { write: (text) => (said.err += text) },
        env: {},
      })
      return { code, ...said }
    }

    test('are listed with the state of the flag, planned for revocation, and revoked once the client_id is confirmed', async () => {
      const mine = await pairOf(left)
      const theirs = await pairOf(other)
      await plane.ask('POST', FLAG, { json: { value: 'true', oauth_application: '2' } })
      const shown = await handover('credentials', 'list')
      assert.equal(shown.code, 0, shown.err)
      assert.match(shown.out, /^1 {2}Application 1 {2}client-1 {2}\(flag off: new flows go to the monolith\)$/m)
      assert.match(shown.out, /^2 {2}Application 2 {2}client-2 {2}\(flag on\)$/m)
      assert.match(
        shown.out,
        /access tokens: 1, expire from 20\d\d-.*\n {2}refresh tokens: 1 of 1 grants, do not expire/,
      )
      assert.doesNotMatch((await handover('credentials', 'list', '--oauth-application', '1')).out, /client-2/)

      const all = await handover('credentials', 'list', '--flag-off')
      assert.match(all.out, /^1 {2}.*client-1/m)
      assert.doesNotMatch(all.out, /client-2/)
      assert.match(
        (await handover('credentials', 'revoke', '1', '--dry-run')).out,
        /the users of 1 grants must authorize the application again/,
      )
      const wrong = await handover('credentials', 'revoke', '1', '--confirm', 'client-2')
      assert.deepEqual([wrong.code, wrong.out], [1, ''])
      assert.equal((await handover('credentials', 'revoke', '1')).code, 2)
      const unconfirmed = await plane.ask('POST', '/api/v1/credentials/revoke', {
        json: { application: '1', confirm: '1' },
      })
      assert.deepEqual([unconfirmed.status, unconfirmed.json.code], [400, 'invalid_request'])
      assert.ok(await isActive(mine.access))

      const done = await handover('credentials', 'revoke', '1', '--confirm', 'client-1')
      assert.deepEqual([done.code, done.err], [0, ''])
      assert.match(done.out, /^revoked: 1 tokens, 0 codes, 0 device codes/)
      assert.equal(await isActive(mine.access), false)
      const refreshed = await form('/oauth/token', {
        grant_type: 'refresh_token',
        client_id: left.client_id,
        refresh_token: mine.refresh,
      })
      assert.equal(refreshed['error'], 'invalid_grant')
      assert.ok(await isActive(theirs.access))
      assert.match((await handover('credentials', 'revoke', 'client-1', '--dry-run')).out, /nothing to revoke/)
    })

    test('are not revoked while any gate of the flag covers the application, nor for another environment', async () => {
      const { access } = await pairOf(left)
      for (const gate of [{ value: 'true' }, { value: '100', key: 'percentage_of_actors' }]) {
        await plane.ask('DELETE', FLAG)
        const set = await plane.ask('POST', FLAG, { json: gate })
        assert.equal(set.status, 201, set.text)
        const refused = await handover('credentials', 'revoke', '1', '--confirm', 'client-1')
        assert.equal(refused.code, 1)
        assert.match(refused.err, /its credentials are in use; set the flag off first/)
        const body = { application: '1', confirm: 'client-1' }
        assert.equal(
          (await plane.ask('POST', '/api/v1/credentials/revoke', { json: body })).json.code,
          'change_refused',
        )
      }
      await plane.ask('DELETE', FLAG)
      const elsewhere = await handover('credentials', 'revoke', '1', '--confirm', 'client-1', '--environment', 'dev')
      assert.match(elsewhere.err, /that of production, not of dev/)
      assert.ok(await isActive(access))
    })

    test('cannot be listed while IAM is down, and only by an administrator', async () => {
      const lone = await startTestControlPlane(store.database, { iam: { url: 'http://127.0.0.1:1', token: TOKEN } })
      const unset = await startTestControlPlane(store.database)
      try {
        for (const [control, why] of [
          [lone, /^IAM cannot be reached$/],
          [unset, /--iam-internal-url/],
        ] as const) {
          await control.announce(left)
          const list = await control.ask('GET', '/api/v1/credentials')
          assert.deepEqual([list.status, list.json.code], [503, 'unavailable'])
          assert.match(list.json.detail, why)
          const body = { application: '1', confirm: 'client-1' }
          assert.equal((await control.ask('POST', '/api/v1/credentials/revoke', { json: body })).status, 503)
          assert.ok(!list.text.includes(TOKEN))
        }
      } finally {
        await lone.close()
        await unset.close()
      }
      const { gatewayToken: token } = plane
      assert.equal((await plane.ask('GET', '/api/v1/credentials', { token })).status, 403)
      assert.equal(
        (await plane.ask('POST', '/api/v1/credentials/revoke', { token, json: { application: '1' } })).status,
        403,
      )
      assert.equal((await handover('credentials', 'revoke', 'nobody')).code, 1)
    })
  })
}
