import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

for (const engine of testDatabases()) {
  describe(`applications on ${engine.kind}`, () => {
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

    const put = async (id: number, version: number, iamVersion: number | null, clientId = `client-${id}`) =>
      (await plane.announce(testApplication(id, { version, client_id: clientId }), iamVersion)).json
    const remove = (id: number, version: number) => plane.ask('DELETE', `/api/v1/applications/${id}?version=${version}`)
    const held = async (id: number) => {
      const answer = await plane.ask('GET', `/api/v1/applications/${id}`)
      return answer.status === 200 ? [answer.json.version, answer.json.iam_version, answer.json.arrived] : answer.status
    }

    test('no one can read the digest of a secret, and the store does not keep it', async () => {
      const digest = 'ab'.repeat(64)
      await plane.announce(testApplication(7, { secret_digest: digest }))
      const shown = await plane.ask('GET', '/api/v1/applications/7')
      assert.equal(shown.json.application.has_secret, true)
      const rows = await store.database.query(`select row_to_json(a)::text as row from ${plane.schema}.applications a`)
      for (const text of [shown.text, JSON.stringify(rows)]) assert.ok(!text.includes(digest))
      await store.database.query(
        `update ${plane.schema}.applications set document = document || $1::jsonb where id = 7`,
        [JSON.stringify({ secret_digest: digest })],
      )
      assert.ok(!(await plane.ask('GET', '/api/v1/applications/7')).text.includes(digest))
    })

    test('an announcement is stored, can be repeated without effect, and is shown by id and client_id', async () => {
      assert.equal((await put(1, 1, null)).applied, true)
      assert.equal((await put(1, 1, null)).applied, false)
      assert.deepEqual(await held(1), [1, null, false])
      const byClientId = await plane.ask('GET', '/api/v1/applications/client-1')
      assert.equal(byClientId.json.application.name, 'Application 1')
    })

    test('the policy of an application is stored unchanged, and may be omitted', async () => {
      const policy = { preset: 'strict', require_pkce: 'public' } as const
      const shown = async (id: number) => (await plane.ask('GET', `/api/v1/applications/${id}`)).json.application
      await plane.announce(testApplication(21, { policy }), null)
      assert.deepEqual((await shown(21)).policy, policy)
      await plane.announce(testApplication(21, { version: 2 }), null)
      assert.equal('policy' in (await shown(21)), false)
      const unknown = { application: { ...testApplication(22), policy: { require_pkec: 'all' } }, iam_version: null }
      assert.equal((await plane.ask('PUT', '/api/v1/applications/22', { json: unknown })).status, 400)
      await remove(21, 3)
    })

    test('an older version replaces nothing, and the version that IAM holds is never lowered', async () => {
      await put(2, 2, 2)
      assert.equal((await put(2, 1, 1)).applied, false)
      assert.deepEqual(await held(2), [2, 2, true])
      assert.equal((await put(2, 2, null)).applied, false)
      assert.deepEqual(await held(2), [2, 2, true])
      await put(2, 3, 2)
      assert.deepEqual(await held(2), [3, 2, false])
      await put(2, 3, 3)
      assert.deepEqual(await held(2), [3, 3, true])
    })

    test('PATCH confirms the version that IAM holds or withdraws it; an unannounced version is refused', async () => {
      const confirm = (id: number, version: unknown) =>
        plane.ask('PATCH', `/api/v1/applications/${id}`, { json: { iam_version: version } })
      await put(31, 1, 1)
      await put(31, 2, null)
      assert.deepEqual(await held(31), [2, 1, false])
      assert.deepEqual((await confirm(31, 2)).json.applied, true)
      assert.deepEqual(await held(31), [2, 2, true])
      assert.equal((await confirm(31, 2)).json.applied, false)
      const early = await confirm(31, 3)
      assert.deepEqual([early.status, early.json.errors[0].field], [400, 'iam_version'])
      assert.match(early.json.detail, /must be at most 2/)
      assert.equal((await confirm(31, null)).status, 200)
      assert.deepEqual(await held(31), [2, null, false])
      assert.equal((await confirm(9_999, 1)).status, 404)
      for (const wrong of [0, -1, '2', undefined]) assert.equal((await confirm(31, wrong)).status, 400)
      const { entries } = (await plane.ask('GET', '/api/v1/audit?action=application.confirm')).json
      assert.deepEqual([entries.length, entries[0].after], [2, { iam_version: null }])
      await remove(31, 3)
    })

    test('where the platform creates applications at IAM itself, every announcement counts as held there', async () => {
      const foreign = await startTestControlPlane(store.database, { platformCreatesAtIam: true })
      const path = '/api/v1/applications/1'
      for (const [version, name] of [
        [1, 'Notes'],
        [2, 'Notes, renamed'],
      ] as const) {
        const application = testApplication(1, { version, name })
        assert.equal((await foreign.ask('PUT', path, { json: { application, iam_version: null } })).status, 200)
        assert.deepEqual((await foreign.ask('GET', path)).json.iam_version, version)
        if (version === 1) await foreign.ask('POST', `/api/v4/features/${FLAG}`, { json: { value: 'true' } })
        const { json } = await foreign.ask('POST', '/api/v1/explain', { json: { client_id: 'client-1' } })
        assert.equal(json.destination, 'iam')
      }
      await foreign.close()
    })

    test('a removal leaves a tombstone that a late announcement does not undo and a newer one does', async () => {
      await put(3, 1, 1)
      assert.equal((await remove(3, 2)).json.applied, true)
      assert.equal(await held(3), 404)
      assert.equal((await put(3, 1, 1)).applied, false)
      assert.equal((await put(3, 2, 2)).applied, false)
      assert.equal(await held(3), 404)
      assert.equal((await remove(3, 2)).json.applied, false)
      assert.equal((await put(3, 3, null)).applied, true)
      assert.deepEqual(await held(3), [3, null, false])
    })

    test('a removal older than the latest announcement changes nothing', async () => {
      await put(4, 5, 5)
      assert.equal((await remove(4, 4)).json.applied, false)
      assert.deepEqual(await held(4), [5, 5, true])
    })

    test('a removal that arrives before its announcement still applies', async () => {
      assert.equal((await remove(5, 2)).status, 200)
      assert.equal((await put(5, 1, 1)).applied, false)
      assert.equal(await held(5), 404)
    })

    test('a client_id moves with its application, and two applications cannot have the same one', async () => {
      await put(6, 1, 1)
      const rival = await plane.announce(testApplication(7, { client_id: 'client-6' }))
      assert.deepEqual([rival.status, rival.json.code], [422, 'client_id_taken'])
      await put(6, 2, 2, 'renamed')
      assert.equal((await plane.ask('GET', '/api/v1/applications/client-6')).status, 404)
      assert.equal((await plane.ask('GET', '/api/v1/applications/renamed')).json.id, 6)
      await remove(6, 3)
      assert.equal((await plane.announce(testApplication(7, { client_id: 'renamed' }))).status, 200)
    })

    test('the list holds id, client_id, name and both versions of every application', async () => {
      const { json } = await plane.ask('GET', '/api/v1/applications', { token: plane.replicationToken })
      const second = json.applications.find((each: { id: number }) => each.id === 2)
      assert.deepEqual(second, {
        ...{ id: 2, client_id: 'client-2', name: 'Application 2', version: 3, iam_version: 3, arrived: true },
        ...{ side: 'rails', flag: { on: false, gate: 'none' }, failing: false, report: null },
        ...{ trouble: null, traffic_per_day: 0, failed: 0, evidence: null, iam_credentials: null },
        is_probe_twin: false,
      })
      assert.equal(json.applications.length, 5)
      assert.equal(json.next, null)
    })

    test('invalid announcements are refused with field and rule', async () => {
      const body = (changes: Record<string, unknown>, rest = {}) => ({
        application: { ...testApplication(9), ...changes },
        iam_version: null,
        ...rest,
      })
      const cases: ReadonlyArray<readonly [string, unknown, string, RegExp]> = [
        ['9', { iam_version: null }, 'application', /must be given/],
        ['9', { application: testApplication(9) }, 'iam_version', /must be given/],
        ['9', body({}, { extra: 1 }), 'extra', /not a known field/],
        ['9', body({ secret: 'x' }), 'application.secret', /not a known field/],
        ['9', body({ client_id: '' }), 'application.client_id', /./],
        ['9', body({ client_id: 'x'.repeat(256) }), 'application.client_id', /./],
        ['9', body({ version: 0 }), 'application.version', /./],
        ['9', body({ secret_digest: 'plain' }), 'application.secret_digest', /128 lower-case hex digits/],
        ['9', body({ client_id: 'a\0b' }), 'application', /NUL or broken Unicode/],
        ['9', body({ name: '\ud800' }), 'application', /NUL or broken Unicode/],
        ['9', body({}, { iam_version: 0 }), 'iam_version', /./],
        ['10', body({}), 'application.id', /must be the id in the path/],
        ['0', body({}), 'id', /positive integer/],
        ['abc', body({}), 'id', /positive integer/],
        ['9', [], 'body', /./],
      ]
      for (const [id, json, field, rule] of cases) {
        const answer = await plane.ask('PUT', `/api/v1/applications/${id}`, { json })
        assert.equal(answer.status, 400, `${field}: ${answer.text}`)
        assert.equal(answer.json.code, 'invalid_request')
        const fault = answer.json.errors.find((each: { field: string }) => each.field === field)
        assert.match(fault?.rule ?? `not named in ${answer.text}`, rule, field)
      }
      for (const query of ['', '?version=x', '?version=-1', '?version=1&version=2']) {
        const answer = await plane.ask('DELETE', `/api/v1/applications/9${query}`)
        assert.equal(answer.status, 400, query)
        assert.equal(answer.json.errors[0].field, 'version')
      }
      assert.equal(await held(9), 404)
    })
  })
}
