import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { ENVIRONMENTS } from '../../../flags/index.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

for (const engine of testDatabases()) {
  describe(`what pages of the console read, on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database, {
        notifications: { webhook: { url: 'https://receiver.example/', secret: new Uint8Array(32) } },
      })
      await plane.announce(testApplication(1))
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    test('a flag is shown in every environment side by side, with who changed it last', async () => {
      const path = `/api/v1/flags/${FLAG}`
      const before = (await plane.ask('GET', path)).json
      assert.deepEqual(
        before.environments.map(({ environment }: { environment: string }) => environment),
        [...ENVIRONMENTS],
      )
      assert.ok(
        before.environments.every(
          (each: { is_as_others: boolean; is_set: boolean }) => each.is_as_others && !each.is_set,
        ),
      )
      assert.equal(before.definition.name, FLAG)
      const json = { value: 'true', oauth_application: '1', environment: 'staging' }
      const answer = await plane.ask('POST', `/api/v4/features/${FLAG}`, { json })
      const { version } = answer.json
      assert.equal(answer.status, 201, answer.text)
      const { environments } = (await plane.ask('GET', path)).json
      const staging = environments.find(({ environment }: { environment: string }) => environment === 'staging')
      assert.deepEqual([staging.state, staging.is_set, staging.version], ['conditional', true, version])
      assert.deepEqual([staging.in_words, staging.changed_by], ['on for 1 "Application 1"', 'administrator'])
      assert.deepEqual([staging.waiting_applications, staging.is_as_others], [0, false])
      assert.equal(environments.find(({ environment }: { environment: string }) => environment === 'dev').state, 'off')
      const unknown = await plane.ask('GET', '/api/v1/flags/no_such_flag')
      assert.deepEqual([unknown.status, unknown.json.code], [404, 'unknown_flag'])
    })

    test('a flag shows for one application where it is on, the gate that decides, and the bucket', async () => {
      const json = { value: '91', key: 'percentage_of_actors', environment: 'pre', confirm: true }
      assert.equal((await plane.ask('POST', `/api/v4/features/${FLAG}`, { json })).status, 201)
      const path = `/api/v1/flags/${FLAG}?oauth_application=`
      const { application, environments } = (await plane.ask('GET', `${path}1`)).json
      assert.deepEqual([application.id, application.bucket], [1, 90.536])
      const previewIn = (name: string) =>
        environments.find(({ environment }: { environment: string }) => environment === name).preview
      assert.deepEqual(previewIn('pre'), { on: true, gate: 'percentage_of_actors' })
      assert.deepEqual(previewIn('production'), { on: false, gate: 'none' })
      const unknown = await plane.ask('GET', `${path}no-such-client`)
      assert.deepEqual([unknown.status, unknown.json.errors[0].field], [400, 'oauth_application'])
    })

    test('a plan is checked with line and column, also by those who may change nothing', async () => {
      const { token } = (await plane.ask('POST', '/api/v1/tokens', { json: { role: 'viewer', name: 'vera' } })).json
      const check = async (plan: unknown) =>
        (await plane.ask('POST', '/api/v1/rollouts/validate', { token, json: { plan } })).json
      const head = `version: 1\nname: wave-1\nflag: ${FLAG}\nenvironment: production\n`
      const faulty = await check(`${head}steps:\n  - percentage: 101\n`)
      assert.deepEqual([faulty.valid, faulty.plan], [false, null])
      assert.deepEqual(
        [faulty.faults[0].field, faulty.faults[0].line, faulty.faults[0].column],
        ['steps[0].percentage', 6, 5],
      )
      assert.equal((await check('a: [')).valid, false)
      const good = await check(`${head}steps:\n  - percentage: 10\n  - percentage: 100\n    approval: required\n`)
      assert.deepEqual([good.valid, good.faults], [true, []])
      assert.deepEqual(
        good.plan.steps.map(({ moves, needs_approval }: { moves: string; needs_approval: boolean }) => [
          moves,
          needs_approval,
        ]),
        [
          ['10 %', false],
          ['100 %', true],
        ],
      )
      const simulated = await plane.ask('POST', '/api/v1/rollouts/simulate', {
        token,
        json: { plan: `${head}steps:\n  - percentage: 101\n` },
      })
      assert.deepEqual([simulated.json.errors[0].field, simulated.json.errors[0].line], ['steps[0].percentage', 6])
    })

    test('the configured channels are listed with what waits for them', async () => {
      const { json } = await plane.ask('GET', '/api/v1/notification-channels')
      assert.deepEqual(json, { channels: [{ name: 'webhook', waiting: 0, failing: 0, last_error: null }] })
    })

    test('the last verification of the audit log is known without reading the log', async () => {
      const { at, found } = await eventually('the first verification ends', async () => {
        const { json } = await plane.ask('GET', '/api/v1/audit/verification/last')
        return json.at === null ? undefined : json
      })
      assert.ok(Date.parse(at) <= Date.now())
      assert.deepEqual([found.valid, found.broken], [true, null])
    })
  })
}
