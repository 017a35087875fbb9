import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { exchangeFields, type ServerUnderTest, startServerUnderTest } from '../testing/server-under-test.ts'

const [engine] = testDatabases()
assert.ok(engine)

describe('custom lifetimes', () => {
  let store: TestDatabase
  let server: ServerUnderTest
  before(async () => {
    store = await engine.open()
    const lifetimes = { codeLifetime: 30, accessTokenLifetime: 90, idTokenLifetime: 45 }
    server = await startServerUnderTest(store.database, 'lifetimes', lifetimes)
  })
  after(async () => {
    await server?.close()
    await store?.close()
  })

  test('apply to ID tokens and access tokens', async () => {
    const { json } = await server.token(exchangeFields(await server.code('conf', { scope: 'openid' })))
    const claims = JSON.parse(Buffer.from(json.id_token.split('.')[1], 'base64url').toString())
    assert.equal(claims.exp - claims.iat, 45)
    assert.equal(json.expires_in, 90)
    const info = () =>
      server.send('GET', '/oauth/userinfo', { headers: { authorization: `Bearer ${json.access_token}` } })
    assert.equal((await info()).status, 200)
    await server.core.advance(91)
    assert.equal((await info()).status, 401)
  })

  test('apply to authorization codes', async () => {
    const [first, second] = [await server.code(), await server.code()]
    await server.core.advance(25)
    assert.equal((await server.token(exchangeFields(first))).status, 200)
    await server.core.advance(6)
    assert.equal((await server.token(exchangeFields(second))).json.error, 'invalid_grant')
  })
})
