import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { run as sideEffects } from './side-effects.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

describe('handover side-effects', () => {
  let store: TestDatabase
  let plane: TestControlPlane
  let status = 401
  const taken: string[] = []
  const server = createServer((request, response) => {
    taken.push(request.url ?? '')
    request.resume()
    response.writeHead(status).end()
  })
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    store = await (testDatabases()[0] ?? assert.fail('no store')).open()
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    plane = await startTestControlPlane(store.database, {
      sideEffects: { events: { url, token: 'tok' }, qaChannels: {} },
    })
  })
  after(async () => {
    await plane.close()
    await store.close()
    server.closeAllConnections()
    server.close()
  })

  async function call(...args: string[]) {
    const out: string[] = []
    const err: string[] = []
    const io = {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => err.push(text) },
      env: { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, 'admin-token') },
    }
    const code = await sideEffects(args, io)
    return { code, out: out.join(''), err: err.join('') }
  }
  const change = (value: string) =>
    plane.ask('POST', `/api/v4/features/${FLAG}`, { json: { value, environment: 'staging' } })
  const dead = (pattern: RegExp) =>
    eventually('it is given up', async () => pattern.exec((await call('list', '--state', 'dead')).out)?.[1])

  test('shows failed side effects and their errors without the address, and retries them on request', async () => {
    assert.deepEqual(await call('list'), { code: 0, out: 'no side effects\n', err: '' })
    await change('true')
    const id = await dead(
      new RegExp(`^(\\d+)  \\S+  event +dead  ${FLAG} in staging, tried once: answered with status 401$`, 'm'),
    )
    assert.doesNotMatch((await call('list')).out, /127\.0\.0\.1|hook|tok\b/)
    status = 200
    assert.deepEqual(await call('retry', id), { code: 0, out: `side effect ${id} will be retried\n`, err: '' })
    await eventually('it is done', async () => / {2}done {2}/.test((await call('list')).out))
    assert.equal(taken.length, 2)
    const again = await call('retry', id)
    assert.deepEqual([again.code, /no failed side effect has the id \d+/.test(again.err)], [1, true])
  })

  test('drops a side effect, once', async () => {
    status = 403
    await change('false')
    const id = await dead(/^(\d+) .* status 403$/m)
    assert.deepEqual(await call('drop', id), { code: 0, out: `side effect ${id} was dropped\n`, err: '' })
    assert.deepEqual((await call('list', '--state', 'dead')).out, 'no side effects\n')
    assert.equal((await call('drop', id)).code, 1)
  })

  test('refuses an invalid id, state or action', async () => {
    for (const args of [[], ['retry'], ['drop', 'x'], ['list', '--state', 'lost'], ['list', '7'], ['undo', '1']]) {
      assert.equal((await call(...args)).code, 2, args.join(' '))
    }
  })
})
