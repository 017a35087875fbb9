import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

/** The engine runs: the date keeps it from beginning a step between two requests. */
const NEXT_WEEK = new Date(Date.now() + 7 * 86_400_000).toISOString()

function planOf(changes: Readonly<Record<string, unknown>> = {}) {
  const plan = { version: 1, name: 'wave-1', flag: FLAG, environment: 'dev', steps: [{ applications: [1] }] }
  return { ...plan, not_before: NEXT_WEEK, ...changes }
}

for (const engine of testDatabases()) {
  describe(`the API of rollouts on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      await plane.announce(testApplication(1))
      await plane.announce(testApplication(2))
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const create = (plan: unknown, more: object = {}) =>
      plane.ask('POST', '/api/v1/rollouts', { json: { plan, reason: 'wave 1', ...more } })
    const act = (id: number, json: object) => plane.ask('POST', `/api/v1/rollouts/${id}/actions`, { json })

    test('a plan becomes a draft, from an object or from YAML, and is listed and recorded', async () => {
      const made = await create(planOf())
      assert.equal(made.status, 201)
      const { id, name, state, version, step, next_step, steps } = made.json
      assert.deepEqual([name, state, step, next_step, steps.length], ['wave-1', 'draft', 0, 1, 1])
      assert.equal(version, 1)
      const text = `version: 1\nname: wave-yaml\nflag: ${FLAG}\nenvironment: dev\nsteps:\n  - applications: [client-2]\n`
      const fromText = await create(text)
      assert.equal(fromText.status, 201)
      const listed = await plane.ask('GET', '/api/v1/rollouts?environment=dev&state=draft')
      assert.deepEqual(
        listed.json.rollouts.map((each: { id: number }) => each.id),
        [fromText.json.id, id],
      )
      assert.deepEqual((await plane.ask('GET', `/api/v1/rollouts/${id}`)).json, made.json)
      const { events } = (await plane.ask('GET', `/api/v1/rollouts/${id}/events`)).json
      assert.deepEqual([events.length, events[0].number, events[0].kind], [1, 1, 'created'])
      const audit = (await plane.ask('GET', '/api/v1/audit?action=rollout.create')).json
      assert.equal(audit.entries[0].reason, 'wave 1')
    })

    test('a faulty plan is refused with line, column, field and rule, and nothing is created', async () => {
      const before = (await plane.ask('GET', '/api/v1/rollouts')).json.rollouts.length
      const refused = await create(
        `version: 1\nname: a\nflag: ${FLAG}\nenvironment: dev\nsteps:\n  - applications: [1, 99]\n`,
      )
      assert.equal(refused.status, 400)
      assert.deepEqual(refused.json.errors, [
        { field: 'steps[0].applications[1]', line: 6, column: 23, rule: 'must be a known application' },
      ])
      assert.equal((await create(planOf({ flag: 'no_such_flag' }))).json.errors[0].field, 'flag')
      assert.equal((await create(planOf({ dwell: '1s' }))).json.errors[0].rule, 'must be at least 15m')
      assert.equal((await create('x'.repeat(2_000_000))).status, 413)
      assert.equal((await plane.ask('GET', '/api/v1/rollouts')).json.rollouts.length, before)
    })

    test('an action needs the current version, and is an event and an audit entry', async () => {
      // The first step is not due, so the engine changes nothing in the meantime.
      const not_before = new Date(Date.now() + 86_400_000).toISOString()
      const { id, version } = (await create(planOf({ name: 'actions', not_before }))).json
      assert.equal((await act(id, { action: 'start', version: version + 1 })).json.code, 'version_conflict')
      const started = await act(id, { action: 'start', version, reason: 'now' })
      assert.deepEqual([started.status, started.json.state, started.json.version], [200, 'waiting', version + 1])
      const stale = await act(id, { action: 'pause', version })
      assert.deepEqual([stale.status, stale.json.code], [409, 'version_conflict'])
      assert.equal(stale.json.conflict.decided_on.version, version)
      assert.equal(stale.json.conflict.current.version, version + 1)
      assert.match(stale.json.conflict.current.in_words, /^waiting, before the first step: /)
      const other = (await create(planOf({ name: 'other' }))).json
      const second = await act(other.id, { action: 'start', version: other.version })
      assert.deepEqual([second.status, second.json.code], [409, 'change_refused'])
      assert.match(second.json.detail, /another rollout of this flag is active/)
      const { version: now } = (await plane.ask('GET', `/api/v1/rollouts/${id}`)).json
      const ended = await act(id, { action: 'abort', version: now, reason: 'enough' })
      const report = await plane.ask('GET', `/api/v1/rollouts/${id}/report?format=html`)
      assert.equal(report.headers.get('content-type'), 'text/html; charset=utf-8')
      assert.match(report.headers.get('content-security-policy') ?? '', /^default-src 'none'; style-src 'sha256-/)
      assert.match(report.text, /^<!doctype html>[\s\S]*<h1>Rollout actions<\/h1>/)
      assert.equal(report.text.match(/<svg /g)?.length, 2)
      assert.doesNotMatch(report.text, /<script|https?:/)
      assert.match(
        (await plane.ask('GET', `/api/v1/rollouts/${other.id}/report?format=markdown`)).text,
        /^# Rollout other$/m,
      )
      assert.equal((await plane.ask('GET', '/api/v1/rollouts/999/report')).status, 404)
      assert.equal(ended.json.state, 'aborted')
      const wrong = await act(id, { action: 'resume', version: ended.json.version })
      assert.deepEqual([wrong.status, wrong.json.detail], [409, 'resume is not possible in state aborted'])
      const { entries } = (await plane.ask('GET', `/api/v1/audit?subject=rollout:${id}`)).json
      assert.deepEqual(entries.map((entry: { action: string }) => entry.action).sort(), [
        'rollout.action',
        'rollout.action',
        'rollout.create',
      ])
    })

    test('the timeline is read from either end', async () => {
      const { id, version } = (await create(planOf({ name: 'timeline' }))).json
      const { version: started } = (await act(id, { action: 'start', version })).json
      assert.equal((await act(id, { action: 'abort', version: started })).status, 200)
      const kinds = async (query: string) => {
        const { events } = (await plane.ask('GET', `/api/v1/rollouts/${id}/events?${query}`)).json
        return events.map(({ number, kind }: { number: number; kind: string }) => `${number} ${kind}`)
      }
      const all = await kinds('')
      assert.deepEqual([all[0], all[1]], ['1 created', '2 started'])
      assert.deepEqual(await kinds('order=newest'), all.toReversed())
      assert.deepEqual(await kinds('order=newest&before=3&limit=1'), ['2 started'])
      assert.deepEqual(await kinds('after=1&before=3'), ['2 started'])
    })

    test('the report of a long rollout shows its end, and how many events it leaves out', async () => {
      const { id, version } = (await create(planOf({ name: 'long' }))).json
      const { version: started } = (await act(id, { action: 'start', version })).json
      await store.database.query(
        `with more as (update ${plane.schema}.rollouts set events = events + 6000 where id = $1 returning events)
          insert into ${plane.schema}.rollout_events (rollout_id, number, by, kind, sentence)
            select $1, number, 'alice', 'changed', 'change ' || number
              from more, generate_series(events - 5999, events) as given (number)`,
        [id],
      )
      assert.equal((await act(id, { action: 'abort', version: started, reason: 'enough' })).status, 200)
      const [last] = (await plane.ask('GET', `/api/v1/rollouts/${id}/events?order=newest&limit=1`)).json.events
      const { text } = await plane.ask('GET', `/api/v1/rollouts/${id}/report?format=markdown`)
      assert.match(text, /^\| Ended \| /m)
      assert.match(text, /\| change 10 \|/)
      assert.match(text, /\| change 6000 \|/)
      const leftOut = (last.number - 5_000).toLocaleString('en-US')
      assert.ok(text.includes(`${leftOut} events are left out here`), leftOut)
    })

    test('the details say what the caller cannot do now, and why', async () => {
      const { id, version } = (await create(planOf({ name: 'details' }))).json
      const details = async () => (await plane.ask('GET', `/api/v1/rollouts/${id}/details`)).json
      const refusedIn = (json: { refused: Array<{ action: string; reason: string }> }) =>
        Object.fromEntries(json.refused.map(({ action, reason }) => [action, reason]))
      const draft = await details()
      assert.deepEqual([draft.version, draft.evidence, draft.approvals], [version, null, []])
      assert.equal(refusedIn(draft)['pause'], 'pause is not possible in state draft')
      assert.equal('start' in refusedIn(draft) || 'abort' in refusedIn(draft), false)
      const started = (await act(id, { action: 'start', version })).json
      const refused = refusedIn(await details())
      assert.equal(refused['back'], 'no step has begun, so there is nothing to go back to')
      assert.equal(refused['retry'], 'no application was taken back')
      assert.equal('pause' in refused, false)
      assert.equal((await act(id, { action: 'approve', version: started.version })).status, 200)
      const [approval] = (await details()).approvals
      assert.deepEqual([approval.step, approval.by], [1, started.started_by])
      assert.equal((await plane.ask('GET', '/api/v1/rollouts/4711/details')).status, 404)
      const now = (await details()).version
      assert.equal((await act(id, { action: 'abort', version: now })).status, 200)
    })

    test('a simulation names each fault of a plan with line, column and field', async () => {
      const plan = `version: 1\nname: a\nflag: ${FLAG}\nenvironment: dev\nsteps:\n  - percentage: 120\n`
      const { status, json } = await plane.ask('POST', '/api/v1/rollouts/simulate', { json: { plan } })
      assert.equal(status, 400)
      assert.deepEqual(json.errors, [{ field: 'steps[0].percentage', line: 6, column: 5, rule: 'must be at most 100' }])
    })

    test('an operator changes rollouts of the own environments only, a viewer none', async () => {
      const tokenOf = async (json: object) => (await plane.ask('POST', '/api/v1/tokens', { json })).json.token
      const operator = await tokenOf({ role: 'operator', name: 'staging-only', environments: ['staging'] })
      const refused = await plane.ask('POST', '/api/v1/rollouts', { json: { plan: planOf() }, token: operator })
      assert.deepEqual([refused.status, refused.json.detail], [403, 'staging-only may not change dev'])
      const { id, version } = (await create(planOf({ name: 'rights' }))).json
      const json = { action: 'start', version }
      const path = `/api/v1/rollouts/${id}/actions`
      assert.equal((await plane.ask('POST', path, { json, token: operator })).status, 403)
      const viewer = await tokenOf({ role: 'viewer', name: 'looks' })
      assert.equal((await plane.ask('POST', path, { json, token: viewer })).status, 403)
      assert.equal((await plane.ask('GET', `/api/v1/rollouts/${id}`, { token: viewer })).status, 200)
    })

    test('an unknown rollout is 404', async () => {
      assert.equal((await plane.ask('GET', '/api/v1/rollouts/4711')).status, 404)
      assert.equal((await plane.ask('GET', '/api/v1/rollouts/4711/events')).status, 404)
      assert.equal((await act(4711, { action: 'start', version: 1 })).status, 404)
    })
  })
}
