import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { testObservation, writeObservation } from '../../../outcomes/index.ts'
import { run as outcomes } from './outcomes.ts'

describe('handover outcomes', () => {
  let store: TestDatabase
  let control: TestControlPlane
  before(async () => {
    const engine = testDatabases().at(-1)
    assert.ok(engine)
    store = await engine.open()
    control = await startTestControlPlane(store.database)
    await control.announce(testApplication(1))
  })
  after(async () => {
    await control.close()
    await store.close()
  })

  const call = async (...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    const code = await outcomes(args, {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => err.push(text) },
      env: { HANDOVER_CONTROL_URL: control.url, HANDOVER_TOKEN_FILE: join(control.directory, 'admin-token') },
    })
    return { code, out: out.join(''), err: err.join('') }
  }

  test('prints the counts, or the answer of the API with --json', async () => {
    assert.deepEqual(await call(), { code: 0, out: 'no outcomes\n', err: '' })
    const hash = randomUUID().replaceAll('-', '')
    const seen = testObservation({ at: Date.now(), presented: hash, caller: hash, status: 503 })
    const batch = { instance: 'one', environment: 'production', first: 1, oldest: 1, sentAt: Date.now() }
    const json = { ...batch, isComplete: true, lines: writeObservation(seen) }
    await control.ask('POST', '/api/v1/gateways/outcomes', { token: control.gatewayToken, json })
    await eventually('the count', async () => (await call()).out !== 'no outcomes\n')
    const { out } = await call('--oauth-application', 'client-1', '--side=rails', '--kind', 'refresh')
    assert.match(out, /^\S+Z {2}application 1 {2}rails {2}refresh {2}server {2}1\n$/)
    const printed = JSON.parse((await call('--json', '--resolution=hour')).out)
    assert.equal(printed.outcomes[0].count, 1)
    assert.equal((await call('--side=iam')).out, 'no outcomes\n')
  })

  test('passes on what the control plane refuses', async () => {
    const refused = await call('--kind=sign-in')
    assert.equal(refused.code, 1)
    assert.match(refused.err, /kind/)
    assert.equal((await call('extra')).code, 2)
  })
})
