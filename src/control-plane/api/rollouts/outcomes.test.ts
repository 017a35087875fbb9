import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { testObservation, writeObservation } from '../../../outcomes/index.ts'

const BATCHES = '/api/v1/gateways/outcomes'
const COUNTS = '/api/v1/outcomes'

for (const engine of testDatabases()) {
  describe(`the API of outcomes on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      await plane.announce(testApplication(1))
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const batch = (changes: object = {}) => {
      const hash = randomUUID().replaceAll('-', '')
      const seen = testObservation({ at: Date.now(), presented: hash, caller: hash })
      return {
        ...{ instance: randomUUID(), environment: 'production', first: 1, oldest: 1, sentAt: Date.now() },
        ...{ isComplete: true, lines: writeObservation(seen), ...changes },
      }
    }
    const send = (json: unknown) => plane.ask('POST', BATCHES, { token: plane.gatewayToken, json })

    test('counts what gateways send, by application, side, kind and cause', async () => {
      const sent = await send(batch())
      assert.deepEqual(sent.json, { next: 2, stored: 0 })
      await eventually('the count', async () => (await plane.ask('GET', COUNTS)).json.outcomes.length === 1)
      for (const query of [
        '?oauth_application=1',
        '?oauth_application=client-1&side=rails&kind=refresh&resolution=hour',
      ]) {
        const { json } = await plane.ask('GET', COUNTS + query)
        const [{ at, ...count }] = json.outcomes
        assert.deepEqual(count, { application_id: 1, side: 'rails', kind: 'refresh', cause: 'success', count: 1 })
        assert.match(at, query.includes('hour') ? /:00:00\.000Z$/ : /:00\.000Z$/)
      }
      for (const query of ['?side=iam', '?kind=device', '?environment=staging', '?to=2026-01-01']) {
        assert.deepEqual((await plane.ask('GET', COUNTS + query)).json, { outcomes: [] }, query)
      }
    })

    test('refuses bad queries with the field and the rule', async () => {
      for (const [query, status, word] of [
        ['?side=legacy', 400, /side/],
        ['?from=yesterday', 400, /must be a date/],
        ['?from=2026-02-01&to=2026-01-01', 400, /must be before/],
        ['?resolution=day', 400, /resolution/],
        ['?oauth_application=77', 404, /77/],
        ['?applications=1', 400, /applications/],
      ] as const) {
        const { status: got, text } = await plane.ask('GET', COUNTS + query)
        assert.equal(got, status, query)
        assert.match(text, word)
      }
    })

    test('refuses forged batches, and batches for another environment than the token’s', async () => {
      for (const changes of [
        { instance: 'a b' },
        { first: 0 },
        { first: 1.5 },
        { sentAt: -1 },
        { environment: 'moon' },
        { lines: '\n'.repeat(5_000) },
        { lines: 7 },
        { surplus: 1 },
      ]) {
        assert.equal((await send(batch(changes))).status, 400, JSON.stringify(changes).slice(0, 40))
      }
      assert.equal((await send(batch({ lines: 'forged' }))).status, 200)
      const bound = await plane.ask('POST', '/api/v1/tokens', {
        json: { role: 'gateway', name: 'bound', environments: ['staging'] },
      })
      const refused = await plane.ask('POST', BATCHES, { token: bound.json.token, json: batch() })
      assert.equal(refused.status, 403)
    })

    test('counts what it refuses and what was lost as metrics', async () => {
      await send(batch({ lines: 'forged' }))
      await send(batch({ first: 5, oldest: 5 }))
      const { text } = await plane.ask('GET', '/metrics')
      assert.match(text, /handover_control_outcomes_refused_total\{reason="unreadable"\} [1-9]/)
      assert.match(text, /handover_control_outcomes_lost_total\{environment="production"\} 4/)
      assert.match(text, /handover_control_outcome_starts 0/)
    })
  })
}
