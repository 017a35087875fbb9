import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { seedOwner } from '../testing/seed.ts'
import {
  type Answer,
  basic,
  credentials,
  exchangeFields,
  refreshFields,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'

function inShort(answer: Answer): string {
  return answer.status === 200 ? '200' : `${answer.status} ${answer.json?.error ?? answer.headers['content-type']}`
}

function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

for (const engine of testDatabases()) {
  describe(`one-time credentials on ${engine.kind}`, () => {
    let store: TestDatabase
    let server: ServerUnderTest
    let strict: ServerUnderTest
    before(async () => {
      store = await engine.open()
      server = await startServerUnderTest(store.database, 'monolith')
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

    describe('device_code', () => {
      const start = async (
        fields: Record<string, string> = { scope: 'read_user' },
        client: 'conf' | 'limited' | 'public' = 'conf',
      ) => server.send('POST', '/oauth/authorize_device', { form: { ...credentials(client), ...fields } })
      const poll = (deviceCode: string, more: Record<string, string> = {}) =>
        server.token({ grant_type: DEVICE, device_code: deviceCode, ...credentials('conf'), ...more })

      it('starts with codes and addresses that must not be cached', async () => {
        const { json, headers } = await start()
        assert.deepEqual(Object.keys(json), [
          'device_code',
          'user_code',
          'verification_uri',
          'verification_uri_complete',
          'expires_in',
          'interval',
        ])
        assert.match(json.user_code, /^[A-Z0-9]{8}$/)
        assert.equal(json.verification_uri_complete, `${server.url}/oauth/device?user_code=${json.user_code}`)
        assert.equal(headers['cache-control'], 'no-store')
      })

      it('does not start for an unknown client, an unknown scope, or a scope the client may not have', async () => {
        assert.equal(inShort(await server.send('POST', '/oauth/authorize_device', { form: {} })), '401 invalid_client')
        assert.equal(inShort(await start({ client_secret: 'x' })), '401 invalid_client')
        assert.equal(inShort(await start({}, 'public')), '200')
        assert.equal(inShort(await start({ scope: 'bogus' })), '422 text/html; charset=UTF-8')
        assert.equal(inShort(await start({ scope: 'api' }, 'limited')), '400 invalid_scope')
      })

      it('waits, slows down, and ends with tokens for the user who approved', async () => {
        const { json: device } = await start({ scope: 'openid' })
        const outcomes = [inShort(await poll(device.device_code)), inShort(await poll(device.device_code))]
        assert.deepEqual(await server.core.findDevice(device.user_code), {
          clientId: credentials('conf')['client_id'],
          clientName: 'Confidential App',
          scopes: ['openid'],
        })
        assert.equal(await server.core.approveDevice(device.user_code.toLowerCase(), seedOwner('bob')), 'unknown')
        assert.equal(await server.core.approveDevice('', seedOwner('bob')), 'unknown')
        assert.equal(await server.core.approveDevice(device.user_code, seedOwner('alice')), 'approved')
        assert.equal(await server.core.approveDevice('', seedOwner('bob')), 'unknown')
        assert.equal(await server.core.approveDevice(device.user_code, seedOwner('bob')), 'unknown')
        outcomes.push(inShort(await poll(device.device_code)))
        await server.core.advance(6)
        outcomes.push(inShort(await poll(device.device_code, credentials('other'))))
        const done = await poll(device.device_code, { grant_type: 'device_code' })
        outcomes.push(inShort(done), inShort(await poll(device.device_code)))
        assert.deepEqual(outcomes, [
          '400 authorization_pending',
          '400 slow_down',
          '400 slow_down',
          '400 invalid_grant',
          '200',
          '400 invalid_grant',
        ])
        assert.equal(claimsOf(done.json.id_token)['sub'], '1')
      })

      it('expires, and reports that once', async () => {
        const { json: device } = await start()
        await server.core.advance(305)
        assert.equal(await server.core.approveDevice(device.user_code, seedOwner('alice')), 'expired')
        assert.equal(await server.core.findDevice(device.user_code), undefined)
        assert.equal(inShort(await poll(device.device_code)), '400 expired_token')
        assert.equal(inShort(await poll(device.device_code)), '400 invalid_grant')
      })
    })

    describe('under concurrency', () => {
      const COUNT = 64
      const winners = (answers: readonly Answer[]) => answers.filter((answer) => answer.status === 200)

      it('issues tokens for one of many exchanges of a code', async () => {
        const fields = exchangeFields(await server.code())
        const answers = await Promise.all(Array.from({ length: COUNT }, () => server.token(fields)))
        const won = winners(answers)
        assert.equal(won.length, 1)
        assert.ok(answers.every((answer) => answer.status === 200 || inShort(answer) === '400 invalid_grant'))
        assert.equal(await isLive(server, won[0]?.json.access_token), true)
      })

      it('issues a pair for one of many refreshes of a token, and leaves it valid', async () => {
        const { refresh } = await strict.pair()
        const answers = await Promise.all(Array.from({ length: COUNT }, () => strict.token(refreshFields(refresh))))
        const won = winners(answers)
        assert.equal(won.length, 1)
        assert.ok(answers.every((answer) => answer.status === 200 || inShort(answer) === '400 invalid_grant'))
        assert.equal(await isLive(strict, won[0]?.json.access_token), true)
      })

      it('issues tokens for one of many polls of a device', async () => {
        const { json } = await server.send('POST', '/oauth/authorize_device', {
          form: {},
          headers: { authorization: basic('conf') },
        })
        await server.core.approveDevice(json.user_code, seedOwner('alice'))
        const fields = { grant_type: DEVICE, device_code: json.device_code, ...credentials('conf') }
        const answers = await Promise.all(Array.from({ length: COUNT }, () => server.token(fields)))
        assert.equal(winners(answers).length, 1)
      })

      it('approves a device for one of many users', async () => {
        const { json } = await server.send('POST', '/oauth/authorize_device', { form: credentials('conf') })
        const approvals = await Promise.all(
          Array.from({ length: COUNT }, (_, n) =>
            server.core.approveDevice(json.user_code, seedOwner(n % 2 ? 'alice' : 'bob')),
          ),
        )
        assert.equal(approvals.filter((approval) => approval === 'approved').length, 1)
      })
    })

    it('stores no credential in clear', async () => {
      const code = await server.code()
      const { access, refresh } = await server.pair()
      const { json } = await server.send('POST', '/oauth/authorize_device', { form: credentials('conf') })
      const tables = ['tokens', 'grants', 'device_grants', 'applications']
      const dumps = await Promise.all(
        tables.map((table) => store.database.query<{ row: string }>(`select t::text as row from monolith.${table} t`)),
      )
      const text = dumps
        .flat()
        .map((dump) => dump.row)
        .join('\n')
      assert.ok(text.length > 0)
      const secret = credentials('conf')['client_secret'] as string
      for (const credential of [code, access, refresh, json.device_code, json.user_code, secret]) {
        assert.equal(text.includes(credential), false)
        assert.equal(text.includes(Buffer.from(credential).toString('hex')), false)
      }
    })

    it('purges expired credentials, and never a pair that can be refreshed', async () => {
      await server.core.reset()
      await server.code()
      const { refresh } = await server.pair()
      await server.token({ grant_type: 'client_credentials', ...credentials('conf') })
      await server.send('POST', '/oauth/authorize_device', { form: credentials('conf') })
      assert.equal(await server.core.purge(), 0)
      await server.core.advance(100_000)
      // Two codes, one device, one access token of a client.
      assert.equal(await server.core.purge(), 4)
      assert.equal(inShort(await server.token(refreshFields(refresh))), '200')
      await server.core.advance(31 * 86_400)
      assert.equal(await server.core.purge(), 1)
    })

    it('deletes an application with everything it had', async () => {
      const { access } = await server.pair('other')
      assert.equal(await server.core.applications.remove(credentials('other')['client_id'] as string, 0), false)
      assert.equal(await isLive(server, access), true)
      assert.equal(await server.core.applications.remove(credentials('other')['client_id'] as string, 1), true)
      assert.equal(await isLive(server, access), false)
      assert.equal(
        inShort(await server.token({ grant_type: 'client_credentials', ...credentials('other') })),
        '401 invalid_client',
      )
      const ids = [await server.core.applications.nextId(), await server.core.applications.nextId()]
      assert.ok(ids.every((id) => id > 8) && ids[0] !== ids[1])
    })
  })
}
