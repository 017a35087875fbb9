import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { OFREPProvider } from '@openfeature/ofrep-provider'
import { type Client, ErrorCode, OpenFeature, StandardResolutionReasons } from '@openfeature/server-sdk'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

describe("OpenFeature's own client", () => {
  let store: TestDatabase
  let plane: TestControlPlane
  let client: Client

  before(async () => {
    store = await (testDatabases()[0] ?? assert.fail('no store')).open()
    plane = await startTestControlPlane(store.database)
    for (const id of [1, 42]) await plane.announce(testApplication(id))
    client = await connect('ours', plane.gatewayToken)
  })
  after(async () => {
    await OpenFeature.close()
    await plane.close()
    await store.close()
  })

  /** A client configured as its manual shows. */
  async function connect(domain: string, token: string): Promise<Client> {
    const provider = new OFREPProvider({ baseUrl: plane.url, headers: [['Authorization', `Bearer ${token}`]] })
    await OpenFeature.setProviderAndWait(domain, provider)
    return OpenFeature.getClient(domain)
  }
  const set = async (json: Record<string, unknown>) =>
    assert.equal((await plane.ask('POST', `/api/v4/features/${FLAG}`, { json })).status, 201)

  test('distinguishes an application for which the flag is on from one for which it is off', async () => {
    await set({ value: 'true', oauth_application: '42' })
    const on = await client.getBooleanDetails(FLAG, false, { targetingKey: testApplication(42).client_id })
    assert.equal(on.value, true)
    assert.equal(on.variant, 'on')
    assert.equal(on.reason, StandardResolutionReasons.TARGETING_MATCH)
    assert.equal(on.flagMetadata['application_id'], 42)
    const off = await client.getBooleanDetails(FLAG, true, { targetingKey: 'Authn::OauthApplication:1' })
    assert.deepEqual([off.value, off.variant, off.errorCode], [false, 'off', undefined])
  })

  test('evaluates a percentage as a split that is stable across evaluations', async () => {
    await set({ value: 'false' })
    await set({ value: '95', key: 'percentage_of_actors' })
    // Buckets of this flag by the CRC rule: application 1 is at 90.536 %.
    for (let times = 0; times < 3; times++) {
      const one = await client.getBooleanDetails(FLAG, false, { targetingKey: '1' })
      assert.deepEqual([one.value, one.reason], [true, StandardResolutionReasons.SPLIT])
    }
    await set({ value: '90', key: 'percentage_of_actors' })
    assert.equal(await client.getBooleanValue(FLAG, true, { targetingKey: '1' }), false)
  })

  test('evaluates in the environment of the context', async () => {
    await set({ value: 'false' })
    await set({ value: 'true', environment: 'staging' })
    assert.equal(await client.getBooleanValue(FLAG, false, { targetingKey: '42', environment: 'staging' }), true)
    assert.equal(await client.getBooleanValue(FLAG, true, { targetingKey: '42', environment: 'production' }), false)
  })

  test('returns the default with the error code when a flag cannot be evaluated', async () => {
    const unknown = await client.getBooleanDetails('no_such_flag', true, { targetingKey: '42' })
    assert.deepEqual([unknown.value, unknown.errorCode], [true, ErrorCode.FLAG_NOT_FOUND])
    const nobody = await client.getBooleanDetails(FLAG, true, {})
    assert.deepEqual([nobody.value, nobody.errorCode], [true, ErrorCode.TARGETING_KEY_MISSING])
    const nowhere = await client.getBooleanDetails(FLAG, true, { targetingKey: '42', environment: 'mars' })
    assert.deepEqual([nowhere.value, nowhere.errorCode], [true, ErrorCode.INVALID_CONTEXT])
    const text = await client.getStringDetails(FLAG, 'default', { targetingKey: '42' })
    assert.deepEqual([text.value, text.errorCode], ['default', ErrorCode.TYPE_MISMATCH])
  })

  test('returns the default for an invalid token', async () => {
    const stranger = await connect('stranger', 'hogtw-nothing')
    const answer = await stranger.getBooleanDetails(FLAG, true, { targetingKey: '42' })
    assert.equal(answer.value, true)
    assert.notEqual(answer.errorCode, undefined)
  })
})
