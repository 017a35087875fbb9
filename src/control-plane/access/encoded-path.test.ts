import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { WAIT_LIMIT_MS } from '../../../test/support/wait.ts'

const NAME = 'proxy_oauth_requests_to_iam_service'

for (const engine of testDatabases()) {
  describe(`an operator's environments, for any spelling of the path, on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    test('a percent-encoded path gives no access to another environment', async () => {
      const json = { role: 'operator', name: 'petra', environments: ['production'] }
      const token = (await plane.ask('POST', '/api/v1/tokens', { json })).json.token
      for (const path of [`/api/v4/features/${NAME}`, `/api/%764/features/${NAME}`, `/%61pi/v4/features/${NAME}`]) {
        const set = await plane.ask('POST', path, { token, form: { value: 'true', environment: 'staging' } })
        assert.equal(set.status, 403, `${path}: ${set.text}`)
      }
      const flags = await plane.ask('GET', '/api/v4/features?environment=staging')
      assert.deepEqual(flags.json, [])
    })

    test('a delimiter that only the router treats as the start of a query gives no access to production', async () => {
      const json = { role: 'operator', name: 'stan', environments: ['staging'] }
      const token = (await plane.ask('POST', '/api/v1/tokens', { json })).json.token
      for (const path of [`/api/v4/features/${NAME}`, `/api/%764/features/${NAME}`]) {
        assert.equal(await postForm(plane.url, `${path}#environment=staging`, token, 'value=true'), 403, path)
      }
      const flags = await plane.ask('GET', '/api/v4/features')
      assert.deepEqual(flags.json, [])
    })
  })
}

/** Posts to a target exactly as written; `fetch` would normalise it. */
function postForm(base: string, path: string, token: string, body: string): Promise<number | undefined> {
  const { hostname, port } = new URL(base)
  const headers = { 'private-token': token, 'content-type': 'application/x-www-form-urlencoded' }
  return new Promise((resolve, reject) => {
    const call = request({ hostname, port, path, method: 'POST', headers, timeout: WAIT_LIMIT_MS }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode))
    })
    call.on('timeout', () => call.destroy(new Error('no answer in time')))
    call.on('error', reject)
    call.end(body)
  })
}
