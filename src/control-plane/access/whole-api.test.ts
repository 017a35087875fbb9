import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { faultOfRules } from './roles/route-rules.ts'

interface Operation {
  readonly method: string
  readonly path: string
}

/** Operations that authenticate their callers themselves, or reveal nothing worth a token. */
const OPEN = [
  'GET /healthz',
  'GET /readyz',
  'POST /-/oauth/iam_routing',
  'POST /api/v4/internal/workhorse/oauth_routing',
  'POST /api/v1/chatops/slack',
]
/** forward_auth accepts every method. */
const FORWARD_AUTH = '/-/oauth/forward_auth'
/** Operations with an unsafe method that change nothing. */
const CHANGE_NOTHING = ['POST /api/v1/explain', 'POST /ofrep/v1/evaluate/flags', 'POST /ofrep/v1/evaluate/flags/{key}']
/** The same, for people only. */
const CHANGE_NOTHING_FOR_PEOPLE = [
  'POST /api/v1/explain/clients',
  'POST /api/v1/rollouts/simulate',
  'POST /api/v1/rollouts/validate',
]
/** Operations that only change what belongs to the caller. */
const OF_ONESELF = ['POST /api/v1/sign-in-links', 'DELETE /api/v1/sessions', 'DELETE /api/v1/sessions/{id}']
const OF_GATEWAYS = [
  'GET /api/v1/brake',
  'GET /api/v1/snapshot',
  'GET /api/v1/snapshot/stream',
  'POST /api/v1/gateways/outcomes',
  'POST /api/v1/gateways/reports',
  ...CHANGE_NOTHING,
]
const OF_REPLICATION = [
  'GET /api/v1/application-digests',
  'GET /api/v1/application-versions',
  'GET /api/v1/applications',
  'POST /api/v1/applications',
  'GET /api/v1/applications/{id}',
  'PUT /api/v1/applications/{id}',
  'PATCH /api/v1/applications/{id}',
  'DELETE /api/v1/applications/{id}',
  'POST /ofrep/v1/evaluate/flags',
  'POST /ofrep/v1/evaluate/flags/{key}',
]

const nameOf = ({ method, path }: Operation) => `${method} ${path}`

for (const engine of testDatabases()) {
  describe(`access rights for the whole API on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    let operations: readonly Operation[]
    const tokens = new Map<string, string>()
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      tokens.set('gateway', plane.gatewayToken).set('replication', plane.replicationToken)
      for (const role of ['viewer', 'operator']) {
        const made = await plane.ask('POST', '/api/v1/tokens', { json: { role, name: role } })
        tokens.set(role, made.json.token)
      }
      const { paths } = (await plane.ask('GET', '/api/openapi.json', { token: null })).json
      operations = Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
      )
      assert.ok(operations.length > 25, 'the document lists the API')
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const guarded = () =>
      operations.filter((operation) => operation.path !== FORWARD_AUTH && !OPEN.includes(nameOf(operation)))

    async function statusOf({ method, path }: Operation, token: string | null): Promise<number> {
      const answer = await fetch(plane.url + path.replaceAll(/\{\w+\}/g, '1'), {
        method,
        headers: token === null ? {} : { 'private-token': token },
        signal: AbortSignal.timeout(5_000),
      })
      // A stream stays open as long as the client reads it.
      await answer.body?.cancel()
      return answer.status
    }

    test('without a token, and with a wrong one, everything but the listed endpoints answers 401', async () => {
      for (const operation of guarded()) {
        assert.equal(await statusOf(operation, null), 401, nameOf(operation))
        assert.equal(await statusOf(operation, 'hoadm-wrong'), 401, nameOf(operation))
      }
      assert.equal(await statusOf({ method: 'GET', path: FORWARD_AUTH }, null), 401)
    })

    test('a viewer may read everything, and every change is refused', async () => {
      for (const operation of guarded()) {
        const status = await statusOf(operation, tokens.get('viewer') ?? '')
        const mayCall =
          operation.method === 'GET' ||
          [...CHANGE_NOTHING, ...CHANGE_NOTHING_FOR_PEOPLE, ...OF_ONESELF].includes(nameOf(operation))
        assert.equal(status !== 403, mayCall, `${nameOf(operation)}: ${status}`)
        assert.notEqual(status, 401, nameOf(operation))
      }
    })

    test('gateways and replication may call their own routes only', async () => {
      for (const [role, own] of [
        ['gateway', OF_GATEWAYS],
        ['replication', OF_REPLICATION],
      ] as const) {
        for (const operation of guarded()) {
          const status = await statusOf(operation, tokens.get(role) ?? '')
          assert.equal(status !== 403, own.includes(nameOf(operation)), `${role}: ${nameOf(operation)}: ${status}`)
        }
      }
    })

    test('an operator cannot create or revoke tokens or change applications', async () => {
      const token = tokens.get('operator') ?? ''
      for (const operation of guarded()) {
        const isWrite = !['GET', 'HEAD'].includes(operation.method)
        if (!isWrite || !/tokens|applications|credentials/.test(operation.path)) continue
        assert.equal(await statusOf(operation, token), 403, nameOf(operation))
      }
    })
  })
}

test('a route that does not declare who may call it, or lets a viewer make changes, cannot be registered', () => {
  const fault = (method: string, config: object) => faultOfRules({ method, url: '/x', config })
  assert.equal(fault('GET', {}), 'GET /x does not say who may call it')
  assert.equal(fault('POST', { roles: ['viewer'] }), 'POST /x would let a viewer change something')
  assert.equal(fault('POST', { roles: ['operator'] }), 'POST /x does not say in which environment it changes something')
  assert.equal(fault('POST', { roles: ['operator'], environment: 'named' }), undefined)
  assert.equal(fault('POST', { roles: ['viewer'], changes: 'nothing' }), undefined)
  assert.equal(fault('GET', { roles: ['viewer'] }), undefined)
  assert.equal(fault('POST', { roles: 'anyone' }), undefined)
})
