import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { clients, seedOwner } from '../testing/seed.ts'
import {
  credentials,
  exchangeFields,
  refreshFields,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
const alice = seedOwner('alice').id
const bob = seedOwner('bob').id
const CLIENT = clients.conf.uid

for (const engine of testDatabases()) {
  describe(`the grants of a user on ${engine.kind}`, () => {
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
    beforeEach(() => server.core.reset())
    const brief = async (subject: string, client?: string) =>
      (await server.core.grants.list(subject, client)).map(({ clientId, scope }) => [clientId, scope])
    const revoke = (subject: string, client = CLIENT) =>
      store.database.transaction((tx) => server.core.grants.revoke(subject, client, tx))
    const isLive = async (token: string) => (await server.core.findAccessToken(token))?.revoked === false

    it('are listed by application and set of scopes, newest first, expired or not', async () => {
      await server.pair('conf', { scope: 'api' })
      await server.pair('conf', { scope: 'api' })
      await server.core.advance(10_000)
      await server.pair('other', { scope: 'read_user' })
      await server.core.advance(1)
      await server.pair('conf', { scope: 'openid email' })
      const rows = [
        [CLIENT, 'openid email'],
        [clients.other.uid, 'read_user'],
        [CLIENT, 'api'],
      ]
      assert.deepEqual(await brief(alice), rows)
      assert.deepEqual(await brief(alice, clients.other.uid), [rows[1]])
      assert.deepEqual(await brief(bob), [])
      assert.deepEqual(await brief(alice, 'unknown'), [])
      const [first] = await server.core.grants.list(alice)
      assert.deepEqual([first?.id, first?.name], [clients.conf.id, clients.conf.name])
      assert.ok(Math.abs((first?.createdAt.getTime() ?? 0) - Date.now()) < 60_000)
    })

    it('omit rotated and revoked tokens, client_credentials tokens, and tokens of removed applications', async () => {
      const { refresh } = await server.pair('conf')
      await server.token(refreshFields(refresh))
      await server.token({ grant_type: 'client_credentials', ...credentials('conf') })
      assert.deepEqual(await brief(alice), [[CLIENT, 'api']])
      const { access } = await server.pair('other')
      await server.send('POST', '/oauth/revoke', { form: { token: access, ...credentials('other') } })
      assert.deepEqual(await brief(alice), [[CLIENT, 'api']])
      await server.core.subjects.end(alice, { barred: false }, store.database)
      assert.deepEqual(await brief(alice), [], 'nor what ended with all that the user had')
    })

    it('are revoked with every token, code and approved device of that user and application only', async () => {
      const mine = await server.pair('conf')
      const second = await server.pair('conf', { scope: 'openid' })
      const other = await server.pair('other')
      const code = await server.code('conf')
      const codeOfBob = await server.code('conf', {}, 'bob')
      const device = (await server.send('POST', '/oauth/authorize_device', { form: credentials('conf') })).json
      await server.core.approveDevice(device.user_code, seedOwner('alice'))
      const waiting = (await server.send('POST', '/oauth/authorize_device', { form: credentials('conf') })).json
      assert.deepEqual(await revoke(alice), { tokens: 2, codes: 1, deviceCodes: 1 })
      assert.deepEqual([await isLive(mine.access), await isLive(second.access)], [false, false])
      assert.equal((await server.token(refreshFields(mine.refresh))).json.error, 'invalid_grant')
      assert.equal((await server.token(exchangeFields(code))).json.error, 'invalid_grant')
      const poll = { grant_type: DEVICE, device_code: device.device_code, ...credentials('conf') }
      assert.equal((await server.token(poll)).status, 400)
      assert.equal(await isLive(other.access), true)
      assert.equal((await server.token(exchangeFields(codeOfBob))).status, 200)
      assert.equal(await server.core.approveDevice(waiting.user_code, seedOwner('alice')), 'approved')
      assert.deepEqual(await revoke(alice, 'unknown'), { tokens: 0, codes: 0, deviceCodes: 0 })
    })

    it('are revoked even while tokens are refreshed, exchanged or polled for', async () => {
      for (let round = 0; round < 6; round++) {
        const { refresh } = await server.pair('conf')
        const code = await server.code('conf')
        const answers = Promise.all([
          ...Array.from({ length: 4 }, () => server.token(refreshFields(refresh))),
          ...Array.from({ length: 4 }, () => server.token(exchangeFields(code))),
        ])
        await revoke(alice)
        for (const { status, json } of await answers) {
          if (status === 200) assert.equal(await isLive(json.access_token), false)
        }
        assert.deepEqual(await brief(alice), [])
      }
    })
  })
}
