import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { run as applications } from './applications.ts'

describe('handover applications', () => {
  let store: TestDatabase
  let plane: TestControlPlane
  before(async () => {
    const [engine] = testDatabases()
    assert.ok(engine)
    store = await engine.open()
    plane = await startTestControlPlane(store.database)
    await plane.announce(testApplication(1))
    await plane.announce(testApplication(1, { version: 2, name: 'renamed' }), null)
    for (const id of [2, 3]) await plane.announce(testApplication(id), null)
  })
  after(async () => {
    await plane.close()
    await store.close()
  })

  const call = async (...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    const code = await applications(args, {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => err.push(text) },
      env: { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, 'admin-token') },
    })
    return { code, out: out.join(''), err: err.join('') }
  }
  const hasArrived = async (id: number) => (await plane.ask('GET', `/api/v1/applications/${id}`)).json.arrived

  test('an application at a foreign IAM is confirmed by its id or client_id, the rest by --all', async () => {
    assert.equal(await hasArrived(1), false)
    const one = await call('confirm', 'client-1', '2')
    assert.deepEqual([one.code, one.out], [0, '1 (client-1): IAM holds version 2\n2 (client-2): IAM holds version 1\n'])
    assert.deepEqual([await hasArrived(1), await hasArrived(3)], [true, false])
    assert.match((await call('confirm', '--all')).out, /^3 \(client-3\): IAM holds version 1\n$/)
    assert.equal(await hasArrived(3), true)
    assert.equal((await call('confirm', '--all')).out, 'IAM already holds the current version\n')
  })

  test('an unknown application is refused, and invalid usage sends no request', async () => {
    const unknown = await call('confirm', '99')
    assert.deepEqual([unknown.code, /no application has the id or client_id "99"/.test(unknown.err)], [1, true])
    for (const args of [['confirm'], ['confirm', '1', '--failing'], ['confirm', '1', '--all'], ['confrim', '1']]) {
      assert.equal((await call(...args)).code, 2, args.join(' '))
    }
    assert.match((await call('--help')).out, /^Usage: handover applications \[list\]/)
  })
})
