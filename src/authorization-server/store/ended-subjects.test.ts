import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import type { Database } from '../../storage/index.ts'
import { seedOwner } from '../testing/seed.ts'
import {
  credentials,
  exchangeFields,
  refreshFields,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'

const SCHEMA = 'ended_subjects'
const ALICE = '1'

for (const engine of testDatabases())
  describe(`users whose credentials have ended, on ${engine.kind}`, () => {
    let store: TestDatabase
    let database: Database
    let server: ServerUnderTest

    before(async () => {
      store = await engine.open()
      database = store.database
      server = await startServerUnderTest(database, SCHEMA)
    })
    after(async () => {
      await server.close()
      await store.close()
    })
    beforeEach(async () => {
      await server.core.reset()
      server.securityEvents.length = 0
    })

    const end = (barred: boolean) => server.core.subjects.end(ALICE, { barred }, database)
    const admit = () => server.core.subjects.admit(ALICE, database)
    const isActive = async (token: string) =>
      (await server.send('POST', '/oauth/introspect', { form: { ...credentials('conf'), token } })).json.active
    const userinfo = async (token: string) =>
      (await server.send('GET', '/oauth/userinfo', { headers: { authorization: `Bearer ${token}` } })).status
    const device = async () => {
      const form = { ...credentials('conf'), scope: 'openid' }
      return (await server.send('POST', '/oauth/authorize_device', { form })).json
    }
    const poll = async (device_code: string) =>
      (await server.token({ ...credentials('conf'), grant_type: 'device_code', device_code })).json

    it('have no token, code or approved device left, and may start again', async () => {
      const pair = await server.pair('conf', { scope: 'openid' })
      const code = await server.code()
      const approved = await device()
      const waiting = await device()
      await server.core.approveDevice(approved.user_code, seedOwner('alice'))
      const other = await server.token(exchangeFields(await server.code('conf', {}, 'bob')))

      await end(false)
      assert.equal(await isActive(pair.access), false)
      assert.equal(await userinfo(pair.access), 401)
      assert.equal((await server.token(refreshFields(pair.refresh))).json.error, 'invalid_grant')
      assert.equal((await server.token(exchangeFields(code))).json.error, 'invalid_grant')
      assert.equal((await poll(approved.device_code)).error, 'invalid_grant')
      assert.equal(await isActive(other.json.access_token), true, 'another user keeps what is theirs')

      await server.core.approveDevice(waiting.user_code, seedOwner('alice'))
      assert.equal(typeof (await poll(waiting.device_code)).access_token, 'string')
      assert.equal(await isActive((await server.pair()).access), true)
    })

    it('are not treated as thieves of their own codes', async () => {
      const code = await server.code()
      await end(false)
      await server.token(exchangeFields(code))
      assert.deepEqual(server.securityEvents, [])
    })

    it('have nothing while they are barred, not even later credentials; after admission those stay invalid', async () => {
      await end(true)
      const pair = await server.pair('conf', { scope: 'openid' })
      assert.equal(pair.access, undefined, 'a code is dead at once')
      await database.query(`delete from ${SCHEMA}.ended_subjects`)
      const stored = await server.pair('conf', { scope: 'openid' })
      await end(true)
      assert.equal(await isActive(stored.access), false)
      await end(false)
      assert.equal((await server.pair()).access, undefined, 'to end once does not admit')
      await admit()
      assert.equal(await isActive(stored.access), false)
      assert.equal(await isActive((await server.pair()).access), true)
    })

    it('lose the successor of an in-flight rotation too', async () => {
      const pair = await server.pair()
      const tokens = await database.query<{ id: number }>(
        `select id from ${SCHEMA}.tokens where subject = '1' and revoked_at is null`,
      )
      assert.equal(tokens.length, 1)
      await end(false)
      await server.core.subjects.sweep(ALICE)
      // Simulates a request that looked up the pair before the end and stores its successor afterwards.
      await database.query(`update ${SCHEMA}.tokens set revoked_at = null where subject = '1'`)
      assert.equal((await server.token(refreshFields(pair.refresh))).json.error, 'invalid_grant')
      assert.equal(await isActive(pair.access), false)
    })

    it('have their ended credentials marked as revoked and recorded as one security event', async () => {
      await server.pair()
      await server.pair('other')
      await end(true)
      assert.equal(await server.core.subjects.sweep(ALICE), 2)
      const [event] = server.securityEvents
      assert.deepEqual([event?.kind, event?.subject, event?.tokensRevoked], ['user_credentials_ended', ALICE, 2])
      const [stored] = (await server.core.securityEvents(new Date(0))).slice(-1)
      assert.deepEqual([stored?.kind, stored?.subject, stored?.tokensRevoked], ['user_credentials_ended', ALICE, 2])
      assert.equal(await server.core.subjects.sweep(ALICE), 0)
      await admit()
    })
  })
