import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { createLog } from '../../../observability/index.ts'
import { TokenStore } from './token-store.ts'

const FLAG = '/api/v4/features/proxy_oauth_requests_to_iam_service'

for (const engine of testDatabases()) {
  describe(`tokens with roles on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    const lines: string[] = []
    before(async () => {
      store = await engine.open()
      const log = createLog('control', { level: 'trace', destination: { write: (line) => void lines.push(line) } })
      plane = await startTestControlPlane(store.database, { log })
      await plane.announce(testApplication(1))
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const create = (wish: object) => plane.ask('POST', '/api/v1/tokens', { json: wish })
    async function tokenOf(wish: object): Promise<string> {
      const made = await create(wish)
      assert.equal(made.status, 201, made.text)
      return made.json.token
    }

    test('a new token is shown once, stored hashed, and valid for the requested time', async () => {
      const { status, headers, json } = await create({ role: 'viewer', name: 'vera', days: 7 })
      assert.equal(status, 201)
      assert.equal(headers.get('cache-control'), 'no-store')
      assert.match(json.token, /^hovwr-[\w-]{43}$/)
      assert.deepEqual([json.role, json.name, json.created_by], ['viewer', 'vera', 'administrator'])
      assert.ok(Math.abs(Date.parse(json.expires_at) - Date.now() - 7 * 86_400_000) < 60_000)
      assert.equal((await plane.ask('GET', FLAG.replace(/\/\w+$/, ''), { token: json.token })).status, 200)
      const list = await plane.ask('GET', '/api/v1/tokens', { token: json.token })
      assert.ok(list.json.tokens.some((each: { name: string }) => each.name === 'vera'))
      assert.ok(!list.text.includes(json.token))
      const rows = await store.database.query(
        `select encode(digest, 'escape') || row_to_json(t)::text as row from ${plane.schema}.tokens t`,
      )
      assert.ok(!JSON.stringify(rows).includes(json.token))
      assert.ok(!lines.join('').includes(json.token))
    })

    test('a use is recorded to the hour', async () => {
      const token = await tokenOf({ role: 'viewer', name: 'used' })
      await plane.ask('GET', '/api/v1/tokens', { token })
      await eventually('it is noted', async () => {
        const { tokens } = (await plane.ask('GET', '/api/v1/tokens')).json
        const { last_used_at: at } = tokens.find((each: { name: string }) => each.name === 'used')
        return at !== null && /:00:00\.000Z$/.test(at)
      })
    })

    test('an operator changes only the environments of its token, and the refusal names the others', async () => {
      const token = await tokenOf({ role: 'operator', name: 'olga', environments: ['staging', 'dev'] })
      const statuses = async (environment: string | undefined) => [
        (await plane.ask('POST', FLAG, { token, json: { value: 'true', ...(environment && { environment }) } })).status,
        (await plane.ask('POST', `${FLAG}?value=true${environment ? `&environment=${environment}` : ''}`, { token }))
          .status,
        (await plane.ask('POST', FLAG, { token, form: { value: 'false', ...(environment && { environment }) } }))
          .status,
        (await plane.ask('DELETE', `${FLAG}${environment ? `?environment=${environment}` : ''}`, { token })).status,
        (
          await plane.ask('PUT', `/api/v1/brake${environment ? `?environment=${environment}` : ''}`, {
            token,
            json: { on: true },
          })
        ).status,
        (await plane.ask('PUT', '/api/v1/brake', { token, json: { on: false, ...(environment && { environment }) } }))
          .status,
      ]
      assert.deepEqual(await statuses('dev'), [201, 201, 201, 204, 200, 200])
      for (const other of ['production', 'pre', undefined]) {
        assert.deepEqual(await statuses(other), Array(6).fill(403), String(other))
      }
      const gitlab = await plane.ask('POST', FLAG, { token, json: { value: 'true' } })
      assert.deepEqual(gitlab.json, { message: '403 Forbidden - olga may not change production' })
      const brake = await plane.ask('PUT', '/api/v1/brake', { token, json: { on: true, environment: 'pre' } })
      assert.deepEqual([brake.json.code, brake.json.detail], ['forbidden', 'olga may not change pre'])
      const restore = { token, json: { environment: 'pre' } }
      assert.equal((await plane.ask('POST', `/api/v1/flags/${FLAG.split('/').at(-1)}/restore`, restore)).status, 403)
      const deployment = { environment: 'pre', component: 'iam', version: '1' }
      assert.equal((await plane.ask('POST', '/api/v1/deployments', { token, json: deployment })).status, 403)
    })

    test('a gateway follows and reports only in the environments of its token', async () => {
      const token = await tokenOf({ role: 'gateway', name: 'edge', environments: ['staging'] })
      const report = (environment: string) => {
        const status = { instance: 'i', name: 'edge', version: '1', snapshotVersion: 1, environment }
        const traffic = { requests: 0, failures: 0 }
        const json = { ...status, isCircuitOpen: false, isBrakeOn: false, legacy: traffic, iam: traffic }
        return plane.ask('POST', '/api/v1/gateways/reports', { token, json })
      }
      const snapshot = (query: string) => plane.ask('GET', `/api/v1/snapshot${query}`, { token })
      assert.deepEqual([(await report('staging')).status, (await snapshot('?environment=staging')).status], [204, 200])
      for (const answer of [await report('production'), await snapshot(''), await snapshot('/stream')]) {
        assert.deepEqual([answer.status, answer.json.detail], [403, "the gateway's token is not for production"])
      }
    })

    test('through ChatOps too, an operator changes only the environments of its token', async () => {
      const token = await tokenOf({ role: 'operator', name: 'otto', environments: ['dev'] })
      const say = (text: string) => plane.ask('POST', '/api/v1/chatops', { token, json: { text } })
      const both = await say(
        'feature set --oauth-application=1 proxy_oauth_requests_to_iam_service true --dev --staging',
      )
      assert.equal(both.json.outcome, 'partial', both.text)
      assert.match(both.json.text, /otto may not change staging/)
    })

    test('a revoked token ends at once here and soon everywhere; a settings token only through its file', async () => {
      const made = await create({ role: 'administrator', name: 'brief' })
      const { id, token } = made.json
      const replica = new TokenStore(store.database, plane.schema)
      assert.equal((await replica.find(token))?.name, 'brief')
      assert.equal((await plane.ask('DELETE', `/api/v1/tokens/${id}`, { token })).status, 204)
      assert.equal((await plane.ask('GET', '/api/v1/tokens', { token })).status, 401)
      await eventually('the replica refuses it', async () => (await replica.find(token)) === undefined)
      assert.equal((await plane.ask('DELETE', `/api/v1/tokens/${id}`)).json.code, 'unknown_token')
      const { tokens } = (await plane.ask('GET', '/api/v1/tokens')).json
      const own = tokens.find((each: { created_by: string | null }) => each.created_by === null)
      const refused = await plane.ask('DELETE', `/api/v1/tokens/${own.id}`)
      assert.deepEqual([refused.status, refused.json.code], [409, 'token_of_settings'])
    })

    test('an expired token is refused even from memory, and is still listed for a while', async () => {
      const { id, token } = (await create({ role: 'viewer', name: 'late' })).json
      assert.equal((await plane.ask('GET', '/api/v1/tokens', { token })).status, 200)
      await store.database.query(
        `update ${plane.schema}.tokens set expires_at = now() - interval '1 second' where id = $1`,
        [id],
      )
      const isRefused = async () => (await plane.ask('GET', '/api/v1/tokens', { token })).status === 401
      await eventually('it is refused', isRefused)
      const { tokens } = (await plane.ask('GET', '/api/v1/tokens')).json
      assert.ok(tokens.some((each: { id: number }) => each.id === id))
    })

    test('a start with a rotated file revokes no token that was created by hand', async () => {
      const first = await startTestControlPlane(store.database)
      const made = await first.ask('POST', '/api/v1/tokens', { json: { role: 'gateway', name: 'gateway' } })
      await first.close()
      writeFileSync(join(first.directory, 'gateway-token'), 'rotated-gateway-token-0123456789\n')
      const { schema, directory } = first
      const second = await startTestControlPlane(store.database, { schema, directory })
      try {
        assert.equal((await second.ask('GET', '/api/v1/snapshot', { token: made.json.token })).status, 200)
        assert.equal((await second.ask('GET', '/api/v1/snapshot', { token: first.gatewayToken })).status, 401)
      } finally {
        await second.close()
      }
    })

    test('invalid requests are refused with the field named', async () => {
      const cases: ReadonlyArray<readonly [object, string]> = [
        [{ role: 'root', name: 'x' }, 'role'],
        [{ role: 'viewer' }, 'name'],
        [{ role: 'viewer', name: 'a b' }, 'name'],
        [{ role: 'viewer', name: 'x', days: 0 }, 'days'],
        [{ role: 'viewer', name: 'x', days: 367 }, 'days'],
        [{ role: 'operator', name: 'x', environments: [] }, 'environments'],
        [{ role: 'operator', name: 'x', environments: ['prod'] }, 'environments.0'],
        [{ role: 'administrator', name: 'x', environments: ['dev'] }, 'environments'],
        [{ role: 'viewer', name: 'x', token: 'mine' }, 'token'],
      ]
      for (const [wish, field] of cases) {
        const answer = await create(wish)
        assert.deepEqual([answer.status, answer.json.errors?.[0]?.field], [400, field], JSON.stringify(wish))
      }
    })
  })
}
