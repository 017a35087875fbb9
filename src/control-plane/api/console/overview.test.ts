import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import type { OutcomeSort } from '../../outcomes/outcome-tables.ts'
import { sortOf } from '../../outcomes/outcome-tables.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

for (const engine of testDatabases()) {
  describe(`the overview and the traffic on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      for (const id of [1, 2, 3, 4]) await plane.announce(testApplication(id))
      await addOutcomes(1, 2, { side: 'rails', kind: 'refresh', cause: 'success' }, 60)
      await addOutcomes(1, 2, { side: 'rails', kind: 'refresh', cause: 'server' }, 20)
      await addOutcomes(2, 3, { side: 'iam', kind: 'sign_in', cause: 'success' }, 15)
      await addOutcomes(2, 3, { side: 'iam', kind: 'sign_in', cause: 'ours' }, 5)
      await addOutcomes(1, 3 * 60, { side: 'rails', kind: 'device', cause: 'success' }, 1_000)
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    /** Stores outcomes that began that many minutes ago, with the sum of an hour that is summed up already. */
    async function addOutcomes(application: number, minutesAgo: number, sort: OutcomeSort, count: number) {
      const minute = Math.floor(Date.now() / 60_000) - minutesAgo
      const values = [minute, application, sortOf(sort), count]
      await store.database.query(
        `insert into ${plane.schema}.outcome_minutes (minute, application_id, sort, environment, count)
          values ($1, $2, $3, 'production', $4)`,
        values,
      )
      await store.database.query(
        `insert into ${plane.schema}.outcome_hours (hour, application_id, sort, environment, count)
          select $1::integer / 60, $2, $3, 'production', $4 from ${plane.schema}.outcome_store
          where $1::integer / 60 < unsummed_hour on conflict do nothing`,
        values,
      )
    }
    const read = async (path: string) => {
      const answer = await plane.ask('GET', path)
      assert.equal(answer.status, 200, answer.text)
      return answer.json
    }
    const total = (points: ReadonlyArray<Record<'rails' | 'iam', { flows: number }>>, side: 'rails' | 'iam') =>
      points.reduce((sum, point) => sum + point[side].flows, 0)

    test('the overview says where applications and traffic are, in numbers and in a sentence', async () => {
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { json: { value: 'true', oauth_application: '2' } })
      const json = await read('/api/v1/overview')
      assert.deepEqual(json.applications, { all: 4, on_iam: 1 })
      assert.equal(json.sentence, '1 of 4 applications run on iam: 20 % of the traffic.')
      assert.equal(json.traffic.share_on_iam, 0.2)
      assert.deepEqual(json.traffic.flows_per_minute, { rails: 16, iam: 4 })
      assert.deepEqual(json.failed_flows.rails, { flows: 80, failed: 20, ours: 0 })
      assert.deepEqual(json.failed_flows.iam, { flows: 20, failed: 0, ours: 5 })
      assert.deepEqual(json.moving, [])
    })

    test('the latency of a side is the duration that 99 of 100 requests did not exceed, at most a tenth too long', async () => {
      const slot = Math.floor(Date.now() / 600_000)
      const add = (slotsAgo: number, side: number, bucket: number, count: number) =>
        store.database.query(
          `insert into ${plane.schema}.outcome_latencies (slot, environment, side, bucket, count)
            values ($1, 'production', $2, $3, $4)`,
          [slot - slotsAgo, side, bucket, count],
        )
      await add(0, 0, 24, 980)
      await add(1, 0, 48, 20)
      await add(40, 1, 39, 1)
      const hour = await read('/api/v1/traffic?range=hour')
      assert.deepEqual(
        [Math.round(hour.latency.p99_ms.rails), hour.latency.p99_ms.iam, hour.latency.step_s],
        [97, null, 600],
      )
      const ofSteps = hour.latency.points.map(({ p99_ms }: { p99_ms: { rails: number | null } }) => p99_ms.rails)
      assert.deepEqual(ofSteps.filter((p99: number | null) => p99 !== null).map(Math.round), [97, 10])
      assert.equal(Math.round((await read('/api/v1/traffic?range=day')).latency.p99_ms.iam), 41)
      assert.equal(Math.round((await read('/api/v1/traffic?range=week')).latency.p99_ms.rails), 97)
      assert.equal((await read('/api/v1/traffic?range=week&oauth_application=2')).latency, null)
      const values = (await read('/api/v1/overview?environment=staging')).p99_ms
      assert.deepEqual(values, { rails: null, iam: null }, 'of its own environment')
    })

    test('what needs a person has a severity, a sentence and the page that shows it, the most severe first', async () => {
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'IAM is slow' } })
      await plane.ask('POST', '/api/v1/problems', {
        json: { environment: 'production', oauth_application: '3', reason: 'users cannot sign in' },
      })
      const json = await read('/api/v1/overview')
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false } })
      const brake = json.needs_you.find(({ kind }: { kind: string }) => kind === 'brake')
      assert.equal(brake.sentence, 'the brake is on: IAM is slow')
      assert.equal(brake.at, json.brake.changed_at)
      const problem = json.needs_you.find(({ kind }: { kind: string }) => kind === 'problem')
      assert.deepEqual([problem.severity, problem.path], ['waiting', 'applications/3'])
      assert.match(problem.sentence, /reported a problem with application 3 "Application 3": users cannot sign in$/)
      const order = json.needs_you.map(({ severity }: { severity: string }) => severity)
      assert.deepEqual(order, ['broken', 'broken', 'waiting'])
      assert.equal(json.attention_sentence, 'Three things need you.')
    })

    test('an empty environment has no traffic, and needs at most its gateways', async () => {
      const json = await read('/api/v1/overview?environment=dev')
      assert.equal(json.traffic, null)
      assert.equal(json.sentence, '0 of 4 applications run on iam.')
      assert.equal(json.attention_sentence, 'One thing needs you.')
      assert.deepEqual(json.gateways, { all: 0, current: 0, version: json.gateways.version, lag_ms: null })
    })

    test('the traffic of an hour, a day and a week has at most 300 points, and counts every flow once', async () => {
      for (const [range, step, count, rails] of [
        ['hour', 60, 60, 80],
        ['day', 300, 288, 1_080],
        ['week', 3_600, 168, 1_080],
      ] as const) {
        const json = await read(`/api/v1/traffic?range=${range}`)
        assert.deepEqual([json.step_s, json.points.length], [step, count])
        assert.deepEqual([total(json.points, 'rails'), total(json.points, 'iam')], [rails, 20], range)
        const times = json.points.map(({ at }: { at: string }) => Date.parse(at))
        assert.ok(times.every((at: number, index: number) => index === 0 || at - times[index - 1] === step * 1_000))
      }
    })

    test('the traffic of one application, by kind and cause', async () => {
      const json = await read('/api/v1/traffic?range=hour&oauth_application=client-1')
      const none = { success: 0, failed: 0, client: 0, user: 0, ours: 0 }
      assert.deepEqual(json.by_kind, [
        { kind: 'refresh', rails: { ...none, success: 60, failed: 20 }, iam: none, before_flip: null },
      ])
      const unknown = await plane.ask('GET', '/api/v1/traffic?oauth_application=nobody')
      assert.deepEqual([unknown.status, unknown.json.code], [404, 'unknown_application'])
    })

    test('flips, rollbacks and the brake are marked with a sentence each', async () => {
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { json: { value: 'false', oauth_application: '2' } })
      const { marks } = await read('/api/v1/traffic?range=hour&oauth_application=2')
      assert.deepEqual(
        marks.map(({ kind, sentence }: { kind: string; sentence: string }) => `${kind}: ${sentence}`),
        [
          `flip: administrator set ${FLAG} in production: on for 2 "Application 2"`,
          'brake: administrator put the brake on in production',
          'brake: administrator released the brake in production',
          `rollback: administrator set ${FLAG} in production: off for all`,
        ],
      )
    })

    test('the activity says each entry in one sentence', async () => {
      const { entries } = await read('/api/v1/audit?subject=brake')
      assert.equal(entries[0].sentence, 'administrator released the brake in production')
      const { entries: problems } = await read('/api/v1/audit?action=problem.report')
      assert.equal(problems[0].sentence, 'administrator reported a problem with application 3 "Application 3"')
    })

    test('the twin of a probe is counted nowhere, and only lists by id and searches have it', async () => {
      const twin = {
        clientId: 'client-9',
        secret: undefined,
        redirectUri: 'https://twin.example.test/',
        scope: '',
        flows: [],
      }
      const own = await startTestControlPlane(store.database, {
        probes: {
          ...{
            origin: 'http://127.0.0.1:9',
            stepLimitMs: 1_000,
            iamRequestsPerSecond: 1,
            markKey: () => new Uint8Array(32),
          },
          twins: [{ name: 'twin', cohort: undefined, isForDrills: true, sides: [], twin: twin as never, faults: [] }],
        },
      })
      try {
        for (const id of [1, 2, 9]) await own.announce(testApplication(id))
        await own.ask('POST', `/api/v4/features/${FLAG}`, { json: { value: 'true', oauth_application: '9' } })
        const { json: overview } = await own.ask('GET', '/api/v1/overview')
        assert.equal(overview.sentence, '0 of 2 applications run on iam.')
        const list = async (query: string) => (await own.ask('GET', `/api/v1/applications?${query}`)).json
        const { applications: sorted, total: count } = await list('sort=trouble')
        assert.deepEqual([sorted.map(({ id }: { id: number }) => id).sort(), count], [[1, 2], 2])
        assert.equal((await list('sort=id')).applications.length, 3, 'the platform compares the list by id')
        const { applications, total } = await list('sort=name&search=client-9')
        assert.deepEqual([applications[0].is_probe_twin, total], [true, 1])
        assert.equal((await own.ask('GET', '/api/v1/applications/9')).json.is_probe_twin, true)
        assert.equal((await own.ask('GET', '/api/v1/applications/1')).json.is_probe_twin, false)
      } finally {
        await own.close()
      }
    })
  })
}
