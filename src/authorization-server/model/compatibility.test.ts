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

/** The effects of a switch that no recorded scenario covers; the contract tests cover all others in both versions. */
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

  it('response_mode=fragment sends a code in the fragment, except in 5.5 (A182)', async () => {
    const addressOf = async ({ core, url }: ServerUnderTest, changed: Record<string, string>) => {
      const asked = { ...authorizationParameters('conf'), response_mode: 'fragment', ...changed } as Parameters
      const { headers } = await core.approve(asked, seedOwner('alice'), url)
      return headers.find(([name]) => name === 'Location')?.[1] ?? ''
    }
    assert.match(await addressOf(older, {}), /\/callback\?code=/)
    assert.match(await addressOf(newer, {}), /\/callback#code=/)
    for (const server of [older, newer]) assert.match(await addressOf(server, { scope: 'bogus' }), /\/callback#error=/)
  })

  it('5.5 alone lets a public client’s token be revoked without a client, where no client is required (I011)', async () => {
    for (const [server, status] of [[older, 200] as const, [newer, 403] as const]) {
      const { access } = await server.pair('public')
      assert.equal((await server.send('POST', '/oauth/revoke', { form: { token: access } })).status, status)
      const info = await server.send('GET', '/oauth/token/info', { headers: { authorization: `Bearer ${access}` } })
      assert.equal(info.status, status === 200 ? 401 : 200)
    }
  })

  it('neither version lets another client revoke a token, nor revokes a confidential client’s token without a client', async () => {
    for (const server of [older, newer]) {
      const ofPublic = await server.pair('public')
      const own = await server.pair()
      for (const form of [{ token: ofPublic.access, ...credentials('other') }, { token: own.access }]) {
        assert.equal((await server.send('POST', '/oauth/revoke', { form })).status, 403)
      }
    }
  })

  it('a page describes the error in the words of the version', async () => {
    const parameters = { ...authorizationParameters('conf'), redirect_uri: 'https://evil.example.test/' } as Parameters
    const words = async ({ core }: ServerUnderTest) => {
      const checked = await core.preAuthorize(parameters)
      return checked.ok ? undefined : checked.error.description
    }
    assert.match((await words(older)) ?? '', /redirect uri is malformed or doesn't match client redirect URI\.$/)
    assert.match((await words(newer)) ?? '', /redirect URI is malformed or doesn't match the client redirect URI\.$/)
  })
})
