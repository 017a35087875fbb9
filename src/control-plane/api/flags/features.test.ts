import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const UNKNOWN = 'route_unknown_oauth_clients_to_iam'
const PATH = `/api/v4/features/${FLAG}`
const ACTOR = 'Authn::OauthApplication'

for (const engine of testDatabases()) {
  describe(`flags API on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      for (const id of [1, 2, 3, 42]) assert.equal((await plane.announce(testApplication(id))).status, 200)
      await plane.announce(testApplication(7), null)
      await plane.announce(testApplication(8, { version: 3 }), 2)
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    /** Sets a flag by JSON and expects success; each test starts from an unset flag in its own environment. */
    const set = async (parameters: Record<string, unknown>, path = PATH) => {
      const answer = await plane.ask('POST', path, { json: parameters })
      assert.equal(answer.status, 201, answer.text)
      return answer.json
    }
    const refused = async (parameters: Record<string, unknown>, path = PATH) => {
      const answer = await plane.ask('POST', path, { json: parameters })
      assert.equal(answer.status, 400, answer.text)
      assert.match(answer.json.message, /^400 Bad request - /)
      return String(answer.json.message).replace('400 Bad request - ', '')
    }
    const clear = async (environment = 'production') => {
      assert.equal((await plane.ask('DELETE', `${PATH}?environment=${environment}&confirm=true`)).status, 204)
    }

    test('the answer to a write is 201 with name, state, gates and definition', async () => {
      await clear()
      const feature = await set({ value: 'true', oauth_application: '42' })
      assert.equal(feature.name, FLAG)
      assert.equal(feature.state, 'conditional')
      assert.deepEqual(feature.gates, [
        { key: 'boolean', value: false },
        { key: 'actors', value: [`${ACTOR}:42`] },
      ])
      assert.equal(feature.definition.type, 'gitlab_com_derisk')
      assert.equal(feature.definition.default_enabled, false)
      assert.equal(feature.environment, 'production')
    })

    test('parameters are accepted as form, JSON or query', async () => {
      const form = await plane.ask('POST', PATH, {
        form: { value: '30', key: 'percentage_of_actors', environment: 'dev' },
      })
      const query = await plane.ask('POST', `${PATH}?value=30&key=percentage_of_actors&environment=pre`)
      const json = await plane.ask('POST', PATH, {
        json: { value: 30, key: 'percentage_of_actors', environment: 'staging' },
      })
      for (const answer of [form, query, json]) {
        assert.equal(answer.status, 201, answer.text)
        assert.deepEqual(answer.json.gates[1], { key: 'percentage_of_actors', value: 30 })
      }
    })

    test('an application is named by id, client_id or actor, several separated by commas', async () => {
      await clear()
      const feature = await set({ value: true, oauth_application: `1, client-2,${ACTOR}:3` })
      assert.deepEqual(
        feature.gates[1].value,
        [1, 2, 3].map((id) => `${ACTOR}:${id}`),
      )
      const less = await set({ value: 'false', oauth_application: 'client-1,3' })
      assert.deepEqual(less.gates[1].value, [`${ACTOR}:2`])
    })

    test('true clears the other gates, false clears everything, 100 and 0 count as true and false whatever the key', async () => {
      await clear()
      await set({ value: 'true', oauth_application: '1' })
      await set({ value: '25', key: 'percentage_of_actors' })
      assert.deepEqual((await set({ value: 'true' })).gates, [{ key: 'boolean', value: true }])
      assert.equal((await set({ value: 'false' })).state, 'off')
      for (const value of ['100', '100.0', 100]) {
        assert.equal((await set({ value, key: 'percentage_of_actors' })).state, 'on', String(value))
        assert.equal((await set({ value: '0.0', key: 'percentage_of_actors' })).state, 'off')
      }
    })

    test('a percentage is refused on a fully-on flag', async () => {
      await set({ value: 'true' })
      const why = await refused({ value: '50', key: 'percentage_of_actors' })
      assert.equal(why, 'Cannot enable percentage of actors for a fully-enabled flag')
      await clear()
    })

    test('an opt-out is listed among the actors, is removed only if present, and prevents enabling', async () => {
      await clear()
      assert.match(await refused({ value: 'remove_opt_out', oauth_application: '1' }), /No opt-out exists for/)
      const opted = await set({ value: 'opt_out', oauth_application: '1' })
      assert.deepEqual(opted.gates[1], { key: 'actors', value: [`${ACTOR}:1:opt_out`] })
      assert.match(await refused({ value: 'true', oauth_application: '1' }), /remove opt-out before enabling/)
      assert.equal((await set({ value: 'remove_opt_out', oauth_application: '1' })).state, 'off')
    })

    test('an invalid request is refused with the parameter and the rule, and changes nothing', async () => {
      await clear()
      const percentage = { key: 'percentage_of_actors' }
      const cases: ReadonlyArray<readonly [Record<string, unknown>, RegExp]> = [
        [{}, /^value is missing$/],
        ...['5abc', '-1', '100.0001', 'NaN', '1e1', '', ' 5', '101', '0.0001'].map(
          (value) =>
            [
              { value, ...percentage },
              /Cannot set '.*' \("percentage_of_actors"\) to ".*at most three decimals/,
            ] as const,
        ),
        [{ value: 'yes' }, /Cannot set '.*' to "yes"/],
        [{ value: '5', key: 'percentage' }, /^key does not have a valid value$/],
        [{ value: '5' }, /percentage of time is not allowed for/],
        [{ value: '5', key: 'percentage_of_time' }, /percentage of time is not allowed for/],
        [{ value: 'true', oauth_application: '1', ...percentage }, /^key, oauth_application are mutually exclusive$/],
        [{ value: '5', oauth_application: '1' }, /Cannot set .* for Authn::OauthApplication:1/],
        [{ value: 'true', oauth_application: '99' }, /^99 is not found!$/],
        [{ value: 'true', oauth_application: '1,nobody' }, /^nobody is not found!$/],
        [{ value: 'true', oauth_application: '' }, /oauth_application must be a list/],
        [{ value: 'true', oauth_application: '1,' }, /oauth_application must be a list/],
        [{ value: 'true', feature_group: 'staff' }, /^"staff" is not found!$/],
        [{ value: 'opt_out' }, /name the application by oauth_application/],
        [{ value: 'true', user: 'root' }, /^user is no target here/],
        [{ value: 'true', project: 'a/b' }, /^project is no target here/],
        [{ value: 'true', environment: 'prod' }, /environment "prod" is unknown: must be one of dev, pre/],
        [
          { value: 'true', oauth_aplication: '1' },
          /"oauth_aplication" is no parameter, did you mean oauth_application/,
        ],
        [{ value: 'true', force: 'perhaps' }, /force must be true or false/],
        [{ value: 'true', if_version: 'x' }, /if_version must be a version number/],
        [{ value: ['true'] }, /"value" must be text, a number or a boolean/],
        [{ value: { a: 1 } }, /"value" must be text, a number or a boolean/],
        [{ value: 'a\0b' }, /holds a NUL/],
      ]
      for (const [parameters, expected] of cases)
        assert.match(await refused(parameters), expected, JSON.stringify(parameters))
      assert.deepEqual((await plane.ask('GET', '/api/v4/features')).json, [])
    })

    test('an ambiguous body or query is refused', async () => {
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const json = { 'content-type': 'application/json' }
      const cases = [
        [PATH, 'value=true&value=false', form, /"value" is given twice/],
        [`${PATH}?value=true`, 'value=true', form, /"value" is given twice/],
        [PATH, 'value=%zz', form, /not valid percent-encoded UTF-8/],
        [PATH, 'value=%ff', form, /not valid percent-encoded UTF-8/],
        [PATH, 'value=tr%00ue', form, /not valid percent-encoded UTF-8/],
        [PATH, 'a=1&'.repeat(200_000), form, /holds more than 1000 parameters/],
        [PATH, '["value"]', json, /the body must be a JSON object/],
        [PATH, '{"value":', json, /not valid JSON/],
        [PATH, '', json, /not valid JSON/],
        [PATH, '['.repeat(1 << 19), json, /not valid JSON|nested too deeply/],
        [PATH, `{"value":[0${',0'.repeat(5_000)}]}`, json, /not valid JSON|more than 1024/],
        [PATH, 'true', { 'content-type': 'text/plain' }, /the body must be a JSON object/],
      ] as const
      for (const [path, body, headers, expected] of cases) {
        const answer = await plane.ask('POST', path, { body, headers })
        assert.equal(answer.status, 400, `${body.slice(0, 40)}: ${answer.text}`)
        assert.match(answer.json.message, expected, body.slice(0, 40))
      }
      const large = await plane.ask('POST', PATH, { body: 'a'.repeat((1 << 20) + 1), headers: form })
      assert.equal(large.status, 413)
      const strange = await plane.ask('POST', PATH, {
        body: '<value/>',
        headers: { 'content-type': 'application/xml' },
      })
      assert.equal(strange.status, 415)
    })

    test('an unknown flag is refused with a suggestion, unless it is forced', async () => {
      assert.match(
        await refused({ value: 'true' }, '/api/v4/features/proxy_oauth_request_to_iam_service'),
        /is not defined, did you mean proxy_oauth_requests_to_iam_service\?/,
      )
      const forced = await set({ value: 'true', force: true, environment: 'dev' }, '/api/v4/features/nobody_knows_me')
      assert.equal(forced.definition, null)
      assert.match(
        await refused({ value: 'true', force: true }, '/api/v4/features/Not%20A%20Name'),
        /cannot be a flag's name/,
      )
    })

    test('an application that IAM does not hold cannot be enabled, and the answer says why', async () => {
      await clear()
      const why = await refused({ value: 'true', oauth_application: '7' })
      assert.match(
        why,
        /application 7 "Application 7" \(client_id client-7\) has not arrived in the IAM auth service.*holds nothing of it/,
      )
      assert.match(why, /GET \/api\/v1\/applications\/7/)
      assert.match(
        await refused({ value: 'true', oauth_application: '1,client-8' }),
        /application 8 .* holds version 2 of 3/,
      )
      assert.deepEqual((await plane.ask('GET', '/api/v4/features')).json, [])
      await set({ value: 'opt_out', oauth_application: '7' })
      await set({ value: 'remove_opt_out', oauth_application: '7' })
      await set({ value: 'false', oauth_application: '7' })
    })

    test('enabling for all counts the applications that stay on legacy because IAM does not hold them', async () => {
      assert.equal((await set({ value: 'true' })).waiting_applications, 2)
      await set({ value: 'false' })
      // Buckets: application 8 at 6.060, application 7 at 12.637.
      assert.equal((await set({ value: '10', key: 'percentage_of_actors' })).waiting_applications, 1)
      await clear()
    })

    test('environments are separate, and a write without one applies to production', async () => {
      await clear('staging')
      await set({ value: 'true' })
      assert.equal((await plane.ask('GET', '/api/v4/features')).json[0].state, 'on')
      assert.deepEqual((await plane.ask('GET', '/api/v4/features?environment=staging')).json, [])
      await clear()
    })

    test('definitions are listed; deleting answers 204 for any name', async () => {
      const definitions = await plane.ask('GET', '/api/v4/features/definitions')
      assert.equal(definitions.status, 200)
      assert.deepEqual(definitions.json.map((each: { name: string }) => each.name).sort(), [FLAG, UNKNOWN])
      assert.equal((await plane.ask('DELETE', '/api/v4/features/nothing_of_the_kind')).status, 204)
    })

    test('the flag for unknown clients can only be on or off', async () => {
      const path = `/api/v4/features/${UNKNOWN}`
      for (const parameters of [
        { value: 'true', oauth_application: '1' },
        { value: '5', key: 'percentage_of_actors' },
      ]) {
        assert.match(await refused(parameters, path), /it can only be set to true or false/)
      }
      assert.equal((await set({ value: 'true' }, path)).state, 'on')
      assert.equal((await set({ value: 'false' }, path)).state, 'off')
    })

    test('a restore brings back the state before the last change, or that of a version, and can be undone', async () => {
      await clear('pre')
      const restore = (json: Record<string, unknown>) =>
        plane.ask('POST', `/api/v1/flags/${FLAG}/restore`, { json: { environment: 'pre', ...json } })
      const first = await set({ value: 'true', oauth_application: '1', environment: 'pre' })
      await set({ value: '25', key: 'percentage_of_actors', environment: 'pre' })
      await set({ value: 'false', environment: 'pre' })
      const back = await restore({})
      assert.equal(back.status, 200, back.text)
      assert.deepEqual(back.json.gates[1], { key: 'actors', value: [`${ACTOR}:1`] })
      assert.deepEqual(back.json.gates[2], { key: 'percentage_of_actors', value: 25 })
      assert.equal((await restore({ if_version: back.json.version })).json.state, 'off')
      const then = await restore({ to_version: first.version })
      assert.deepEqual(then.json.gates, first.gates)
      assert.ok(then.json.version > first.version)

      const history = await plane.ask('GET', `/api/v1/flags/${FLAG}/history?environment=pre`)
      const actions = history.json.entries.map((entry: { action: string }) => entry.action)
      assert.deepEqual(actions.slice(0, 6), ['restore', 'restore', 'restore', 'set', 'set', 'set'])
      assert.equal(history.json.entries[0].changed_by, 'administrator')
      assert.deepEqual(history.json.entries[3].before.actors, [`${ACTOR}:1`])
    })

    test('a restore without a change to undo, of an unknown flag, or with an invalid field is refused', async () => {
      const restore = (name: string, json: unknown) => plane.ask('POST', `/api/v1/flags/${name}/restore`, { json })
      const never = await restore(FLAG, { environment: 'staging-ref' })
      assert.deepEqual([never.status, never.json.code], [409, 'no_history'])
      const unknown = await restore('proxy_oauth', {})
      assert.deepEqual([unknown.status, unknown.json.code], [404, 'unknown_flag'])
      assert.match(unknown.json.detail, /did you mean/)
      const early = await restore(FLAG, { to_version: 99_999 })
      assert.deepEqual([early.status, early.json.code], [400, 'invalid_request'])
      assert.match(early.json.detail, /^to_version: version 99999 has not been: the newest is \d+$/)
      const faulty = await restore(FLAG, { environment: 'prod', to_version: -1, why: 'x' })
      assert.equal(faulty.status, 400)
      assert.equal(faulty.headers.get('content-type'), 'application/problem+json')
      assert.deepEqual(faulty.json.errors.map((each: { field: string }) => each.field).sort(), [
        'environment',
        'to_version',
        'why',
      ])
    })

    test('a write with if_version is refused if the flag has changed since', async () => {
      await clear()
      const first = await set({ value: 'true', oauth_application: '1' })
      await set({ value: 'true', oauth_application: '2', if_version: first.version })
      const late = await plane.ask('POST', PATH, { json: { value: 'false', if_version: first.version } })
      assert.equal(late.status, 409)
      assert.match(late.json.message, /is at version \d+, not \d+/)
      const { decided_on, current } = late.json.conflict
      assert.equal(decided_on.version, first.version)
      assert.match(decided_on.in_words, /^on for 1\b/)
      assert.match(current.in_words, /^on for 1\b.*, 2\b/)
      assert.equal(current.changed_by, 'administrator')
      const restored = await plane.ask('POST', `/api/v1/flags/${FLAG}/restore`, {
        json: { environment: 'production', if_version: first.version },
      })
      assert.deepEqual([restored.status, restored.json.conflict], [409, late.json.conflict])
    })

    test('concurrent writes all succeed, each once, with their own versions', async () => {
      await clear('staging')
      const answers = await Promise.all(
        [1, 2, 3, 42].map((id) => set({ value: 'true', oauth_application: String(id), environment: 'staging' })),
      )
      const last = await plane.ask('GET', '/api/v4/features?environment=staging')
      assert.deepEqual(
        last.json[0].gates[1].value,
        [1, 2, 3, 42].map((id) => `${ACTOR}:${id}`),
      )
      assert.equal(answers.length, 4)
      const history = await plane.ask('GET', `/api/v1/flags/${FLAG}/history?environment=staging&limit=4`)
      const versions = history.json.entries.map((entry: { version: number }) => entry.version)
      assert.equal(new Set(versions).size, 4)
    })

    test('setting the current value changes neither version nor history', async () => {
      await clear()
      const once = await set({ value: 'true', oauth_application: '1' })
      const twice = await set({ value: 'true', oauth_application: '1' })
      assert.equal(twice.version, once.version)
    })
  })
}
