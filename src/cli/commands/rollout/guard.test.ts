import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { run } from './guard.ts'

const NO_FLOWS = { outcomes: 0, failures: 0 }
/** An attempt that has begun, as the control plane stores it. */
const RECORD = {
  ...{ environment: 'production', flag: 'proxy_oauth_requests_to_iam_service', applicationId: 3, attempt: 1 },
  ...{ reason: 'rollout 1', beganAt: 0, passOnProbes: false, passBound: 0.1, cohort: 'web', registrationVersion: 1 },
  baseline: {
    ...{ failures: { outcomes: 200, failures: 1 }, completion: NO_FLOWS, hasSeveralCallers: false },
    ...{ latency: { ...NO_FLOWS, limits: {} }, shape: { ...NO_FLOWS, known: {} } },
  },
  toleratedRates: { failures: 0.03, completion: 0.3, latency: 0.03, shape: 0.03 },
}
const KEYS = [
  ...['application_id', 'evidence', 'failures', 'guard', 'outcomes', 'sentence', 'threshold', 'tolerated_rate'],
  'verdict',
]

for (const engine of testDatabases().slice(0, 1)) {
  describe(`handover guard on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      const first = await startTestControlPlane(store.database)
      const application = {
        ...{ id: 3, client_id: 'client', name: 'App', secret_digest: null, redirect_uris: ['https://app.test/cb'] },
        ...{ scopes: [], confidential: true, trusted: false, version: 1 },
      }
      await first.announce(application)
      await first.close()
      await store.database.query(
        `insert into ${first.schema}.guard_attempts (environment, flag, application_id, attempt, reason, record)
          values ($1, $2, 3, 1, 'rollout 1', $3)`,
        [RECORD.environment, RECORD.flag, JSON.stringify(RECORD)],
      )
      plane = await startTestControlPlane(store.database, { schema: first.schema, directory: first.directory })
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    async function call(...args: string[]) {
      const out: string[] = []
      const err: string[] = []
      const io = {
        stdout: { write: (text: string) => out.push(text) },
        stderr: { write: (text: string) => err.push(text) },
        env: { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: `${plane.directory}/admin-token` },
      }
      const code = await run(args, io)
      return { code, out: out.join(''), err: err.join('') }
    }

    test('lists the guards, and shows those of one application with their sentences', async () => {
      const listed = await call('list')
      assert.equal(listed.code, 0, listed.err)
      assert.match(listed.out, /^3 {2}failures {4}not enough evidence {2}1\.00\/1000 {2}0 of 0 failed\n$/)
      const shown = await call('show', '--oauth-application', 'client')
      assert.match(
        shown.out,
        /^failures: not enough evidence \(evidence 1\.00 of 1000, 3 % tolerated\)\n {2}Not enough evidence: no flow/,
      )
      assert.deepEqual(await call('list', '--staging'), { code: 0, out: 'no application is judged\n', err: '' })
    })

    test('prints the answer of the API with --json, which has the members of the contract and no others', async () => {
      const answer = await plane.ask('GET', '/api/v1/guards?environment=production&oauth_application=3')
      assert.deepEqual(
        answer.json.guards.map((one: object) => Object.keys(one).sort()),
        [KEYS],
      )
      const { out } = await call('show', '--oauth-application=3', '--json')
      assert.deepEqual(JSON.parse(out), answer.json)
    })

    test('rejects an unknown application, and a call that names none', async () => {
      assert.equal((await plane.ask('GET', '/api/v1/guards?oauth_application=99')).status, 400)
      assert.equal((await call('show')).code, 2)
      assert.equal((await call('list', '--oauth-application=3')).code, 2)
    })

    test('shows evidence, thresholds and verdicts as metrics', async () => {
      const { text } = await plane.ask('GET', '/metrics')
      assert.match(text, /handover_guard_threshold\{environment="production",guard="failures"\} 1000/)
      assert.match(text, /handover_guard_evidence\{environment="production",guard="failures"\} 1\n/)
      assert.match(text, /handover_guard_verdicts\{environment="production",verdict="not_enough_evidence"\} 1/)
    })
  })
}
