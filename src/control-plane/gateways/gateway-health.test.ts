import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { DEFAULT_RULES } from '../../chatops/index.ts'
import { GATEWAY_REPORT_PATH, SNAPSHOT_STREAM_PATH } from '../../routing/index.ts'
import { commonState, gatewayHealth, healthInWords } from './gateway-health.ts'
import { freshRecord, type GatewayRecord } from './gateway-record.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const gateway = (name: string, over: Partial<GatewayRecord> = {}): GatewayRecord => ({
  ...freshRecord(name, 'production', 0),
  ...{
    name,
    isConnected: true,
    isCircuitOpen: false,
    isBrakeOn: false,
    openApplications: [],
    applications: [],
    behindMs: 0,
    ...over,
  },
})

test('IAM counts as down for everyone only if every connected gateway considers it down', () => {
  const stateOf = (...records: GatewayRecord[]) => commonState(gatewayHealth(records, 'production'))
  const open = { isCircuitOpen: true }
  assert.equal(stateOf().iamAvailable(1), true, 'nobody says otherwise')
  assert.equal(stateOf(gateway('a', open), gateway('b')).iamAvailable(1), true)
  assert.equal(stateOf(gateway('a', open), gateway('b', open)).iamAvailable(1), false)
  const gone = gateway('gone', { isConnected: false })
  const elsewhere = { ...gateway('c'), environment: 'dev' }
  assert.equal(stateOf(gateway('a', open), gone, elsewhere).iamAvailable(1), false)
  const mixed = stateOf(gateway('a', open), gateway('b', { openApplications: [1] }))
  assert.deepEqual([mixed.iamAvailable(1), mixed.iamAvailable(2)], [false, true])
  assert.equal(stateOf(gateway('a', { isBrakeOn: true }), gateway('b')).brake, false)
  assert.equal(stateOf(gateway('a', { isBrakeOn: true })).brake, true)
})

test('in words: which gateways decide differently from the flags, and that none is connected', () => {
  const words = (...records: GatewayRecord[]) => healthInWords(gatewayHealth(records, 'production'), 1).join('; ')
  assert.match(words(), /no gateway is connected/)
  assert.match(words(gateway('a')), /the connected gateway reports that IAM is up/)
  const many = words(
    gateway('a', { isCircuitOpen: true }),
    gateway('b', { openApplications: [1, 2] }),
    gateway('c', { isBrakeOn: true }),
    gateway('d', { behindMs: 5 }),
  )
  assert.match(many, /IAM's circuit is open at 1 of 4 gateways \(a\)/)
  assert.match(many, /the circuit of application 1 is open at 1 of 4 gateways \(b\)/)
  assert.match(many, /the local brake is on at 1 of 4 gateways \(c\)/)
  assert.match(many, /an older version is still in use at 1 of 4 gateways \(d\)/)
})

for (const engine of testDatabases()) {
  describe(`explanations with the gateways' reports on ${engine.kind}`, () => {
    let database: TestDatabase
    let plane: TestControlPlane
    const streams = new AbortController()
    const open: Response[] = []
    before(async () => {
      database = await engine.open()
      const productionCheck = { ...DEFAULT_RULES.productionCheck, waitMs: 0 }
      const chatops = { rules: { ...DEFAULT_RULES, productionCheck }, slack: undefined, teams: [] }
      plane = await startTestControlPlane(database.database, { chatops })
      await plane.announce(testApplication(1))
      await plane.announce(testApplication(2), null)
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: { value: 'true' } })
    })
    after(async () => {
      assert.equal(open.length, 2, 'both gateways follow to the end')
      streams.abort()
      await plane.close()
      await database.close()
    })

    /** A gateway that is connected and reports. */
    const report = async (instance: string, over: object) => {
      const traffic = { requests: 0, failures: 0 }
      const json = {
        ...{ instance, name: instance, version: '1', environment: 'production', snapshotVersion: 1 },
        ...{ isCircuitOpen: false, isBrakeOn: false, openApplications: [], legacy: traffic, iam: traffic, ...over },
      }
      const answer = await plane.ask('POST', GATEWAY_REPORT_PATH, { token: plane.gatewayToken, json })
      assert.equal(answer.status, 204, answer.text)
    }
    const connect = async (instance: string) => {
      const headers = { authorization: `Bearer ${plane.gatewayToken}` }
      const address = `${plane.url}${SNAPSHOT_STREAM_PATH}?instance=${instance}&name=${instance}`
      // Held here, because an unreferenced response is closed when it is garbage-collected.
      open.push(await fetch(address, { headers, signal: streams.signal }))
      await eventually('it is connected', async () => {
        const { json } = await plane.ask('GET', '/api/v1/gateways')
        return json.gateways.some(
          (each: { name: string; connected: boolean }) => each.name === instance && each.connected,
        )
      })
    }
    const explain = async (client = 'client-1', path?: string) =>
      (await plane.ask('POST', '/api/v1/explain', { json: { client_id: client, ...(path && { path }) } })).json

    test('an application that IAM does not hold is not routed by the flag, and flag get names it', async () => {
      const { destination, reason, because } = await explain('client-2')
      assert.deepEqual([destination, reason], ['rails', 'application_not_arrived'])
      assert.match(because.join(), /IAM holds nothing of it/)
      const [feature] = (await plane.ask('GET', '/api/v4/features')).json
      assert.deepEqual(feature.waiting, [
        { id: 2, client_id: 'client-2', name: 'Application 2', version: 1, iam_version: null },
      ])
      const text = '/chatops gitlab run feature get proxy_oauth_requests_to_iam_service'
      const { json } = await plane.ask('POST', '/api/v1/chatops', { json: { text } })
      assert.match(json.text, /stay on the monolith: 2 "Application 2"/)
    })

    test('reports where new flows really go while circuits are open and brakes are on', async () => {
      const outcome = async () => {
        const { destination, reason } = await explain()
        return `${destination} ${reason}`
      }
      assert.match((await explain()).gateways.in_words.join(), /no gateway is connected/)
      await connect('one')
      await connect('two')
      await report('one', { isCircuitOpen: true })
      await report('two', {})
      assert.equal(await outcome(), 'iam flag_enabled')
      assert.match((await explain()).gateways.in_words.join(), /circuit is open at 1 of 2 gateways \(one\)/)
      await report('two', { isCircuitOpen: true })
      assert.equal(await outcome(), 'rails iam_unavailable')
      assert.deepEqual((await explain()).gateways.circuit_open, ['one', 'two'])
      for (const name of ['one', 'two']) await report(name, { openApplications: [1] })
      assert.equal(await outcome(), 'rails iam_unavailable')
      for (const name of ['one', 'two']) await report(name, { isBrakeOn: true })
      assert.equal(await outcome(), 'rails brake')
      assert.match((await explain()).because.join(), /every gateway has a brake of its own on/)
      for (const name of ['one', 'two']) await report(name, {})
      assert.equal(await outcome(), 'iam flag_enabled')
    })

    test('ChatOps increases no rollout while one moved application gets nothing but errors at IAM', async () => {
      const chatops = async (words: string) => {
        const text = `/chatops gitlab run feature set ${FLAG} ${words}`
        return (await plane.ask('POST', '/api/v1/chatops', { json: { text } })).json
      }
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: { value: 'true', environment: 'staging' } })
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: { value: 'false' } })
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: { value: 'true', oauth_application: '1' } })
      const isFailing = { applications: [{ id: 1, successes: 0, failures: 9, error: 'invalid_client' }] }
      const newest = async () => (await plane.ask('GET', '/api/v1/gateways')).json.version
      const tell = async (over: object) => {
        for (const name of ['one', 'two']) await report(name, { snapshotVersion: await newest(), ...over })
      }
      await tell(isFailing)
      const refused = await chatops('10 --actors')
      assert.match(
        refused.text,
        /application 1 "Application 1" fails at IAM: 18 of 18 requests, the last with invalid_client/,
      )
      assert.match((await chatops('true')).text, /application 1 "Application 1" fails at IAM/)
      assert.equal((await plane.ask('GET', '/api/v4/features')).json[0].gates.length, 2, 'nothing was changed')
      await tell({ applications: [{ id: 1, successes: 30, failures: 9, error: 'invalid_client' }] })
      assert.doesNotMatch((await chatops('10 --actors')).text, /fails at IAM/)
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: { value: 'false', oauth_application: '1' } })
      await tell(isFailing)
      assert.doesNotMatch((await chatops('20 --actors')).text, /fails at IAM/, 'it has been brought back')
    })
  })
}
