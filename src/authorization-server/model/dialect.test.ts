import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import type { Parameters } from '../parameters/value.ts'
import { seedOwner } from '../testing/seed.ts'
import {
  authorizationParameters,
  credentials,
  type ServerUnderTest,
  startServerUnderTest,
} from '../testing/server-under-test.ts'

const [engine] = testDatabases()
assert.ok(engine)

/** What no recorded scenario shows of a switch; the contract holds all the others in both versions. */
describe('by the version of Doorkeeper', () => {
  let store: TestDatabase
  let older: ServerUnderTest
  let newer: ServerUnderTest
  before(async () => {
    store = await engine.open()
    const open = { passwordGrantWithoutClient: true }
    older = await startServerUnderTest(store.database, 'older', { ...open, doorkeeperVersion: '5.5' })
    newer = await startServerUnderTest(store.database, 'newer', { ...open, doorkeeperVersion: '5.9' })
  })
  after(async () => {
    await older.close()
    await newer.close()
    await store.close()
  })

  it('a code goes where response_mode=fragment says, but for 5.5 (A182)', async () => {
    const addressOf = async ({ core, url }: ServerUnderTest, changed: Record<string, string>) => {
      const asked = { ...authorizationParameters('conf'), response_mode: 'fragment', ...changed } as Parameters
      const { headers } = await core.approve(asked, seedOwner('alice'), url)
      return headers.find(([name]) => name === 'Location')?.[1] ?? ''
    }
    assert.match(await addressOf(older, {}), /\/callback\?code=/)
    assert.match(await addressOf(newer, {}), /\/callback#code=/)
    for (const server of [older, newer]) assert.match(await addressOf(server, { scope: 'bogus' }), /\/callback#error=/)
  })

  it('a public client’s token may be revoked without a client by 5.5 alone, where none is asked for (I011)', async () => {
    for (const [server, status] of [[older, 200] as const, [newer, 403] as const]) {
      const { access } = await server.pair('public')
      assert.equal((await server.send('POST', '/oauth/revoke', { form: { token: access } })).status, status)
      const info = await server.send('GET', '/oauth/token/info', { headers: { authorization: `Bearer ${access}` } })
      assert.equal(info.status, status === 200 ? 401 : 200)
    }
  })

  it('nobody’s token may be revoked by another client, and a confidential one’s not without a client, by either', async () => {
    for (const server of [older, newer]) {
      const ofPublic = await server.pair('public')
      const own = await server.pair()
      for (const form of [{ token: ofPublic.access, ...credentials('other') }, { token: own.access }]) {
        assert.equal((await server.send('POST', '/oauth/revoke', { form })).status, 403)
      }
    }
  })

  it('a page says what was wrong in the words of the version', async () => {
    const parameters = { ...authorizationParameters('conf'), redirect_uri: 'https://evil.example.test/' } as Parameters
    const words = async ({ core }: ServerUnderTest) => {
      const checked = await core.preAuthorize(parameters)
      return checked.ok ? undefined : checked.error.description
    }
    assert.match((await words(older)) ?? '', /redirect uri is malformed or doesn't match client redirect URI\.$/)
    assert.match((await words(newer)) ?? '', /redirect URI is malformed or doesn't match the client redirect URI\.$/)
  })
})
