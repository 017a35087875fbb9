import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  freshSchema,
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { scratchDirectory } from '../../../test/support/scratch.ts'
import { eventually } from '../../../test/support/wait.ts'
import { ListenError } from '../../http/index.ts'
import { createLog } from '../../observability/index.ts'
import type { Database } from '../../storage/index.ts'
import { ControlPlaneFault } from '../state/control-plane-fault.ts'
import { TokenStore } from './tokens/token-store.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

for (const engine of testDatabases()) {
  describe(`access to the control plane on ${engine.kind}`, () => {
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

    test('without a valid token every endpoint answers 401, in the shape of its API', async () => {
      const doors = [
        ['GET', '/api/v4/features', { message: '401 Unauthorized' }],
        ['POST', `/api/v4/features/${FLAG}`, { message: '401 Unauthorized' }],
        ['DELETE', `/api/v4/features/${FLAG}`, { message: '401 Unauthorized' }],
        ['POST', '/ofrep/v1/evaluate/flags', { message: '401 Unauthorized' }],
        ['GET', '/api/v1/applications', undefined],
        ['GET', '/api/v1/snapshot', undefined],
        ['GET', '/api/v1/snapshot/stream', undefined],
        ['PUT', '/api/v1/brake', undefined],
        ['POST', '/api/v1/explain', undefined],
      ] as const
      for (const token of [null, 'wrong', 'x'.repeat(10_000)]) {
        for (const [method, path, body] of doors) {
          const answer = await plane.ask(method, path, { token })
          assert.equal(answer.status, 401, `${method} ${path}`)
          if (body) assert.deepEqual(answer.json, body)
          else assert.equal(answer.json.code, 'unauthorized')
        }
      }
    })

    test('a token with the wrong role receives 403', async () => {
      const { gatewayToken, replicationToken } = plane
      const doors = [
        [gatewayToken, 'POST', `/api/v4/features/${FLAG}`],
        [replicationToken, 'GET', '/api/v4/features'],
        [gatewayToken, 'GET', '/api/v1/applications'],
        [replicationToken, 'GET', '/api/v1/snapshot'],
        [gatewayToken, 'PUT', '/api/v1/brake'],
        [replicationToken, 'POST', '/api/v1/explain'],
      ] as const
      for (const [token, method, path] of doors) {
        const answer = await plane.ask(method, path, { token })
        assert.equal(answer.status, 403, `${method} ${path}`)
        if (path.startsWith('/api/v4')) assert.deepEqual(answer.json, { message: '403 Forbidden' })
        else assert.equal(answer.json.code, 'forbidden')
      }
    })

    test('a token is accepted as PRIVATE-TOKEN and as bearer token', async () => {
      const bearer = await plane.ask('GET', '/api/v4/features', {
        token: null,
        headers: { authorization: `Bearer ${plane.adminToken}` },
      })
      assert.equal(bearer.status, 200)
      assert.equal((await plane.ask('GET', '/api/v4/features')).status, 200)
    })

    test('only its owner can read the token file, and no store holds a token', async () => {
      const file = join(plane.directory, 'admin-token')
      assert.equal(statSync(file).mode & 0o777, 0o600)
      assert.match(readFileSync(file, 'utf8'), /^hoadm-[\w-]{43}\n$/)
      const rows = await store.database.query<{ row: string }>(
        `select encode(digest, 'escape') || encode(digest, 'hex') || role || name as row from ${plane.schema}.tokens`,
      )
      assert.equal(rows.length, 3)
      for (const { row } of rows) {
        for (const token of [plane.adminToken, plane.gatewayToken, plane.replicationToken])
          assert.ok(!row.includes(token))
      }
    })

    test('a second start keeps the tokens, and other replicas accept a token that one replica adds', async () => {
      const again = await startTestControlPlane(store.database, { schema: plane.schema, directory: plane.directory })
      try {
        assert.equal(again.adminToken, plane.adminToken)
        const token = 'a-gateway-token-made-elsewhere'
        const third = await startTestControlPlane(store.database, {
          schema: plane.schema,
          directory: plane.directory,
          tokens: [
            { role: 'gateway', name: 'late', value: token },
            { role: 'gateway', name: 'gateway', file: join(plane.directory, 'gateway-token') },
            { role: 'replication', name: 'replication', file: join(plane.directory, 'replication-token') },
          ],
        })
        await third.close()
        await new Promise((resolve) => setTimeout(resolve, 1_050))
        assert.equal((await plane.ask('GET', '/api/v1/snapshot', { token })).status, 200)
      } finally {
        await again.close()
      }
    })

    test('a token whose row was deleted is refused within a second', async () => {
      const token = 'a-gateway-token-to-be-taken-away'
      const book = new TokenStore(store.database, plane.schema)
      await book.add(token, { role: 'gateway', name: 'gone' })
      assert.equal((await book.find(token))?.name, 'gone')
      await store.database.query(`delete from ${plane.schema}.tokens where name = 'gone'`)
      await eventually('it is refused', async () => (await book.find(token)) === undefined)
    })

    test('concurrent requests all see their tokens accepted, also during the first read of the tokens', async () => {
      const token = 'a-gateway-token-that-comes-in-a-crowd'
      await new TokenStore(store.database, plane.schema).add(token, { role: 'gateway', name: 'crowd' })
      const book = new TokenStore(store.database, plane.schema)
      const found = await Promise.all(Array.from({ length: 5 }, () => book.find(token)))
      assert.deepEqual(
        found.map((caller) => caller?.name),
        Array(5).fill('crowd'),
      )
      assert.equal(await book.find('a-gateway-token-of-nobody'), undefined)
    })

    test('a token that is revoked while the tokens are being read is refused for every waiting request', async () => {
      const token = 'a-gateway-token-that-ends-meanwhile'
      const slow = holdable(store.database)
      const book = new TokenStore(slow.database, plane.schema)
      await book.add(token, { role: 'gateway', name: 'meanwhile' })
      assert.equal((await book.find(token))?.name, 'meanwhile')
      book.forget()
      const release = slow.holdNext()
      const early = book.find(token)
      await store.database.query(`delete from ${plane.schema}.tokens where name = 'meanwhile'`)
      book.forget()
      const late = book.find(token)
      assert.equal(await late, undefined)
      release()
      assert.equal(await early, undefined)
    })

    test('a start with new content in the token files revokes the tokens they held before', async () => {
      const first = await startTestControlPlane(store.database)
      const { schema, directory } = first
      const old = [first.adminToken, first.gatewayToken, first.replicationToken]
      await first.close()
      const bystander = 'a-gateway-token-of-another-name'
      await new TokenStore(store.database, schema).add(bystander, { role: 'gateway', name: 'other' })
      for (const name of ['admin', 'gateway', 'replication']) {
        writeFileSync(join(directory, `${name}-token`), `rotated-${name}-token-0123456789\n`)
      }
      const second = await startTestControlPlane(store.database, { schema, directory })
      try {
        const book = new TokenStore(store.database, schema)
        for (const token of old) assert.equal(await book.find(token), undefined)
        const known = [second.adminToken, second.gatewayToken, second.replicationToken, bystander]
        for (const token of known) assert.ok(await book.find(token))
        assert.equal(second.adminToken, 'rotated-admin-token-0123456789')
        const ended = (await second.ask('GET', '/api/v1/audit?action=token.end')).json.entries
        assert.deepEqual(
          ended.map(({ subject, by }: { subject: string; by: string }) => `${subject} by ${by}`).sort(),
          ['administrator', 'gateway', 'replication'].map((name) => `${name} by control plane`),
        )
      } finally {
        await second.close()
      }
    })

    test('health, readiness and metrics need no token', async () => {
      assert.deepEqual((await plane.ask('GET', '/healthz', { token: null })).json, { status: 'ok' })
      assert.deepEqual((await plane.ask('GET', '/readyz', { token: null })).json, { status: 'ok' })
      await plane.announce(testApplication(1))
      await plane.announce(testApplication(2), null)
      const { text } = await plane.ask('GET', '/metrics', { token: null })
      assert.match(text, /handover_control_applications\{replicated="yes"\} 1\n/)
      assert.match(text, /handover_control_applications\{replicated="no"\} 1\n/)
      assert.match(
        text,
        /handover_control_requests_total\{method="PUT",route="\/api\/v1\/applications\/:id",status="200"\} 2\n/,
      )
      assert.match(text, /handover_control_version \d+\n/)
      assert.match(text, /handover_control_snapshot_streams 0\n/)
    })

    test('the OpenAPI document describes every path', async () => {
      const { json } = await plane.ask('GET', '/api/openapi.json', { token: null })
      assert.equal(json.openapi, '3.1.0')
      const paths = Object.keys(json.paths)
      for (const path of [
        '/api/v4/features',
        '/api/v4/features/definitions',
        '/api/v4/features/{name}',
        '/api/v1/flags/{name}/restore',
        '/api/v1/applications/{id}',
        '/api/v1/snapshot/stream',
        '/api/v1/brake',
        '/api/v1/credentials',
        '/api/v1/credentials/revoke',
        '/api/v1/explain',
        '/-/oauth/iam_routing',
        '/api/v4/internal/workhorse/oauth_routing',
        '/-/oauth/forward_auth',
        '/ofrep/v1/evaluate/flags/{key}',
      ]) {
        assert.ok(paths.includes(path), `${path} in ${paths.join(' ')}`)
      }
      assert.ok(json.paths['/api/v4/features/{name}'].post.requestBody)
    })

    test('an unknown path is answered with 404 in the shape of its API', async () => {
      assert.deepEqual((await plane.ask('GET', '/api/v4/nothing')).json, { error: '404 Not Found' })
      const problem = await plane.ask('PATCH', '/api/v1/brake', { headers: { 'x-request-id': 'abc-1' } })
      assert.equal(problem.status, 404)
      assert.deepEqual([problem.json.code, problem.json.request_id], ['not_found', 'abc-1'])
    })

    test('the brake is set and released with its reason, and validation errors name the field', async () => {
      const first = await plane.ask('GET', '/api/v1/brake?environment=dev')
      assert.deepEqual([first.json.on, first.json.changed_at], [false, null])
      const on = await plane.ask('PUT', '/api/v1/brake', {
        json: { on: true, reason: 'IAM is slow', environment: 'dev' },
      })
      assert.deepEqual([on.json.on, on.json.reason, on.json.changed_by], [true, 'IAM is slow', 'administrator'])
      assert.equal((await plane.ask('GET', '/api/v1/brake')).json.on, false)
      assert.equal((await plane.ask('PUT', '/api/v1/brake?environment=dev', { json: { on: false } })).json.on, false)
      const cases: ReadonlyArray<readonly [unknown, string]> = [
        [{}, 'on'],
        [{ on: 'yes' }, 'on'],
        [{ on: true, reason: 'x'.repeat(501) }, 'reason'],
        [{ on: true, reason: 'a\0' }, 'reason'],
        [{ on: true, environment: 'prod' }, 'environment'],
        [{ on: true, because: 'x' }, 'because'],
      ]
      for (const [json, field] of cases) {
        const answer = await plane.ask('PUT', '/api/v1/brake', { json })
        assert.deepEqual([answer.status, answer.json.errors?.[0]?.field], [400, field])
      }
    })

    test('a brake that someone else changed first is not released, and can always be put on', async () => {
      const put = (json: object) => plane.ask('PUT', '/api/v1/brake', { json: { environment: 'pre', ...json } })
      const first = (await put({ on: true, reason: 'slow' })).json
      const second = (await put({ on: true, reason: 'slower', if_version: 1 })).json
      assert.equal(second.reason, 'slower')
      assert.deepEqual(second.gateways, { all: 0, acting: 0 })
      const late = await put({ on: false, if_version: first.version })
      assert.deepEqual([late.status, late.json.code], [409, 'version_conflict'])
      assert.deepEqual(late.json.conflict, {
        decided_on: { version: first.version, in_words: null },
        current: {
          version: second.version,
          in_words: 'on: slower',
          changed_by: 'administrator',
          changed_at: second.changed_at,
        },
      })
      assert.equal((await put({ on: false, if_version: second.version })).json.on, false)
    })

    test('a start with invalid settings reports all faults and leaves nothing behind', async () => {
      const { path } = scratchDirectory('faulty')
      mkdirSync(join(path, 'ops'))
      writeFileSync(join(path, 'ops', 'one.yml'), 'name: two')
      const refused = (options: Parameters<typeof startTestControlPlane>[1]) =>
        startTestControlPlane(store.database, { schema: freshSchema(), ...options }).then(
          () => assert.fail('it started'),
          (error: unknown) => error as Error,
        )
      const definitions = await refused({ definitionsDirectory: path })
      assert.ok(definitions instanceof ControlPlaneFault)
      assert.match(definitions.message, /ops\/one.yml: introduced_by_url: must be given/)
      assert.match((await refused({ definitionsDirectory: join(path, 'none') })).message, /cannot be read \(ENOENT\)/)
      writeFileSync(join(path, 'secret'), 'short\n')
      assert.match((await refused({ routingSecretFile: join(path, 'secret') })).message, /exactly 32 bytes in base64/)
      const tokens = [{ role: 'gateway', name: 'weak', value: 'short' }] as const
      assert.match((await refused({ tokens })).message, /token of weak: must have 16 to 512 characters/)
      const { address } = plane.running
      assert.ok((await refused({ listen: address })) instanceof ListenError)
    })

    test('no token and no secret reaches the log', async () => {
      const lines: string[] = []
      const log = createLog('control', { level: 'trace', destination: { write: (line) => void lines.push(line) } })
      const logged = await startTestControlPlane(store.database, { log })
      await logged.announce(testApplication(1, { secret_digest: 'ab'.repeat(64) }))
      await logged.ask('POST', `/api/v4/features/${FLAG}?private_token=planted-1`, { json: { value: 'true' } })
      await logged.ask('GET', '/-/oauth/forward_auth', {
        headers: {
          'x-forwarded-uri': '/oauth/token?code=planted-2',
          authorization: 'Basic Y2xpZW50OnBsYW50ZWQtMw==',
          cookie: 'a=planted-4',
        },
      })
      await logged.ask('POST', '/api/v1/explain', {
        json: { path: '/oauth/token?token=planted-5', body: 'code=planted-6' },
      })
      await logged.ask('POST', '/api/v1/explain', {
        body: '{"planted-7',
        headers: { 'content-type': 'application/json' },
      })
      await logged.close()
      const text = lines.join('')
      assert.match(text, /"msg":"forward_auth"/)
      for (const secret of ['planted', 'Y2xpZW50OnBsYW50ZWQtMw', logged.adminToken, logged.gatewayToken, 'abababab']) {
        assert.ok(!text.includes(secret), secret)
      }
    })
  })
}

/** A database whose next query result can be delayed until it is released. */
function holdable(database: Database) {
  let held: Promise<void> | undefined
  const query: Database['query'] = async (...statement) => {
    const wait = held
    held = undefined
    const rows = await database.query(...statement)
    await wait
    return rows as never
  }
  return {
    database: new Proxy(database, {
      get: (target, name) => (name === 'query' ? query : Reflect.get(target, name, target)),
    }),
    holdNext: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return resolve
    },
  }
}
