import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { ScriptedGuards } from '../testing/scripted-guards.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const actor = (id: number) => `Authn::OauthApplication:${id}`
const SHORT = { dwell: '200ms', soak: '100ms', evidence: { outcomes: 3 }, watch: undefined }

interface Event {
  readonly kind: string
  readonly by: string
  readonly sentence: string
}

for (const engine of testDatabases()) {
  describe(`the engine of rollouts on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    const guards = new ScriptedGuards()
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database, { guards, testControls: true })
      for (let id = 1; id <= 40; id++) await plane.announce(testApplication(id))
    })
    after(async () => {
      await plane.close()
      await store.close()
    })
    afterEach(async () => {
      const { rollouts } = (await plane.ask('GET', '/api/v1/rollouts')).json
      for (const { id, state } of rollouts) {
        if (!['completed', 'aborted'].includes(state)) await steer(id, { action: 'abort', keep: true })
      }
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false, environment: 'dev' } })
      await plane.ask('DELETE', `/api/v4/features/${FLAG}?environment=dev&confirm=true`)
      guards.clear()
    })

    const read = async (id: number) => (await plane.ask('GET', `/api/v1/rollouts/${id}`)).json
    const act = (id: number, json: object) => plane.ask('POST', `/api/v1/rollouts/${id}/actions`, { json })
    const eventsOf = async (id: number): Promise<Event[]> =>
      (await plane.ask('GET', `/api/v1/rollouts/${id}/events`)).json.events
    const kindsOf = async (id: number) => (await eventsOf(id)).map(({ kind }) => kind)
    const flag = async () => {
      const flags = (await plane.ask('GET', `/api/v1/flags?environment=dev`)).json
      return JSON.stringify(flags)
    }

    async function start(plan: object): Promise<number> {
      const made = await plane.ask('POST', '/api/v1/rollouts', {
        json: { plan: { version: 1, name: 'wave', flag: FLAG, environment: 'dev', ...SHORT, ...plan } },
      })
      assert.equal(made.status, 201, made.text)
      const { id, version } = made.json
      assert.equal((await act(id, { action: 'start', version, reason: 'test' })).status, 200)
      return id
    }
    const until = (id: number, what: string, is: (rollout: Awaited<ReturnType<typeof read>>) => boolean) =>
      eventually(what, async () => {
        const rollout = await read(id)
        return is(rollout) ? rollout : undefined
      })
    /** The person's action at the current version, repeated when the engine came first. */
    const steer = (id: number, json: object) =>
      eventually(`the action ${JSON.stringify(json)}`, async () => {
        const { version } = await read(id)
        const done = await act(id, { ...json, version })
        if (done.json.code === 'version_conflict' || /try again/.test(done.text)) return undefined
        assert.equal(done.status, 200, done.text)
        return done.json
      })

    test('moves step by step on evidence, soaks, and completes, each as a principal of its own', async () => {
      const id = await start({ steps: [{ applications: [1, 2] }, { percentage: 50 }, { percentage: 100 }] })
      const first = await until(id, 'step 1', ({ step, waiting_for }) => step === 1 && waiting_for.length > 0)
      assert.deepEqual([first.state, first.moved, first.next_step], ['running', 2, 2])
      await until(id, 'it waits for evidence', ({ waiting_for }) =>
        /Not enough evidence: application 1 /.test(waiting_for.join()),
      )
      guards.show([1, 2], 3)
      await until(id, 'step 2', ({ step }) => step === 2)
      guards.show(
        Array.from({ length: 40 }, (_, n) => n + 1),
        3,
      )
      const done = await until(id, 'completed', ({ state }) => state === 'completed')
      assert.deepEqual([done.step, done.moved, done.steps.at(-1).applications > 0], [3, 40, true])
      assert.match(await flag(), /"boolean","value":true/)
      const kinds = (await kindsOf(id)).filter((kind) => kind !== 'waiting')
      assert.deepEqual(kinds, ['created', 'started', 'step', 'step', 'step', 'soaking', 'completed'])
      const { entries } = (await plane.ask('GET', '/api/v1/audit?by=handover-rollouts&limit=100')).json
      const actions = entries.map(({ action }: { action: string }) => action)
      assert.equal(actions.filter((action: string) => action === 'flag.set').length, 3)
      assert.equal(actions.filter((action: string) => action === 'rollout.decision').length, 5)
      assert.ok(guards.begun.includes(`1 rollout:${id}`))
      const metrics = (await plane.ask('GET', '/metrics')).text
      assert.match(metrics, /handover_rollout_decisions_total\{verdict="advance"\} [3-9]/)
    })

    test('waits for the items of its plan before, between and after its steps', async () => {
      const checklist = [
        { item: 'support_informed' },
        { item: 'Look at the graphs', before_step: 2 },
        { item: 'Tell the customers', before_step: 3 },
      ]
      const id = await start({ steps: [{ applications: [1] }, { applications: [2] }], checklist })
      const waits = (what: string) =>
        until(id, `it waits for: ${what}`, ({ waiting_for }) => waiting_for.join().includes(what))
      const tick = async (item: string, done = true) => {
        const json = { environment: 'dev', rollout: id, item, done }
        assert.equal((await plane.ask('POST', '/api/v1/checklist/ticks', { json })).status, 200)
      }
      const first = await waits('Support is informed: not ticked yet')
      assert.equal(first.step, 0)
      await tick('support_informed')
      await until(id, 'step 1', ({ step }) => step === 1)
      guards.show([1, 2], 3)
      assert.equal(
        (
          await waits(
            `Look at the graphs: not ticked yet (handover checklist tick 'Look at the graphs' --rollout ${id})`,
          )
        ).step,
        1,
      )
      await tick('Look at the graphs')
      await until(id, 'step 2', ({ step }) => step === 2)
      assert.equal((await waits('Tell the customers')).state, 'soaking')
      await tick('Tell the customers')
      await until(id, 'completed', ({ state }) => state === 'completed')
      const unknown = { environment: 'dev', rollout: id, item: 'coffee' }
      assert.equal((await plane.ask('POST', '/api/v1/checklist/ticks', { json: unknown })).status, 400)
    })

    test('without any outcome never passes a step, and says what it waits for once', async () => {
      const id = await start({ steps: [{ applications: [1] }, { percentage: 100 }] })
      await until(id, 'it waits', ({ waiting_for }) =>
        /has shown no outcome, and 3 are needed/.test(waiting_for.join()),
      )
      await until(id, 'twice its dwell has passed', ({ elapsed_seconds }) => elapsed_seconds > 1)
      assert.equal((await read(id)).step, 1)
      assert.equal((await kindsOf(id)).filter((kind) => kind === 'waiting').length, 1)
    })

    test('takes a broken application back, names the cause, and continues with the others', async () => {
      const id = await start({ steps: [{ applications: [1, 2, 3] }, { percentage: 100 }], exclude: { at_most: 2 } })
      await until(id, 'step 1', ({ step }) => step === 1)
      guards.show([2], 3, 3)
      const out = await until(id, 'the exclusion', ({ excluded }) => excluded.length === 1)
      const { application_id, guard, cause } = out.excluded[0]
      assert.deepEqual([application_id, guard, cause], [2, 'failures', 'invalid_client'])
      const { trouble, taken_back_by } = (await plane.ask('GET', '/api/v1/applications/2?environment=dev')).json
      assert.deepEqual([trouble, taken_back_by.rollout, taken_back_by.at], ['taken_back', id, out.excluded[0].at])
      assert.equal(taken_back_by.sentence, out.excluded[0].sentence)
      assert.equal((await plane.ask('GET', '/api/v1/applications/1?environment=dev')).json.taken_back_by, null)
      await eventually('the opt-out', async () => (await flag()).includes(actor(2)))
      guards.show([1, 3], 3)
      await until(id, 'step 2', ({ step }) => step === 2)
      assert.ok((await read(id)).moved === 39)
      await eventually('the guard of it ends', () => guards.ended.includes(2))
      // A new attempt begins without the outcomes of the last one.
      guards.show([2], 0)
      await steer(id, { action: 'retry', application_id: 2, reason: 'repaired' })
      await until(id, 'it is back', ({ excluded, moved }) => excluded.length === 0 && moved === 40)
      await eventually('a new attempt', () => guards.begun.includes(`2 retry:rollout-${id}-1`))
    })

    test('is held beyond the accepted number of exclusions', async () => {
      const id = await start({ steps: [{ applications: [1, 2, 3] }], exclude: { at_most: 1 } })
      await until(id, 'step 1', ({ step }) => step === 1)
      guards.show([1, 2], 3, 3)
      const held = await until(id, 'held', ({ state }) => state === 'held')
      assert.equal(held.excluded.length, 2)
      assert.match(held.waiting_for[0], /2 applications were taken back, and the plan accepts at most 1/)
    })

    test('stops and names the person when someone changes the flag, and continues from there after resume', async () => {
      const id = await start({ steps: [{ applications: [1] }, { applications: [5] }] })
      await until(id, 'step 1', ({ step }) => step === 1)
      await plane.ask('POST', `/api/v4/features/${FLAG}`, {
        form: { value: 'true', oauth_application: '9', environment: 'dev' },
      })
      const held = await until(id, 'held', ({ state }) => state === 'held')
      assert.match(held.held.sentence, /^the flag proxy_\w+ in dev was changed by administrator; resume/)
      guards.show([1], 3)
      assert.equal((await read(id)).step, 1)
      await steer(id, { action: 'resume' })
      await until(id, 'step 2', ({ step }) => step === 2)
      const state = await flag()
      assert.ok(
        [1, 5, 9].every((each) => state.includes(actor(each))),
        state,
      )
      await plane.ask('DELETE', `/api/v4/features/${FLAG}?environment=dev&confirm=true`)
      const gone = await until(id, 'held again', ({ state }) => state === 'held')
      assert.match(gone.held.sentence, /was removed by administrator/)
    })

    test('is paused by the brake until a person resumes it', async () => {
      const id = await start({ steps: [{ applications: [1] }, { applications: [5] }] })
      await until(id, 'step 1', ({ step }) => step === 1)
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'smoke', environment: 'dev' } })
      const paused = await until(id, 'paused', ({ state }) => state === 'paused')
      assert.equal(paused.paused_by, 'the brake')
      const refused = await act(id, { action: 'resume', version: paused.version })
      assert.deepEqual([refused.status, refused.json.detail], [409, 'the brake is on; release it first'])
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false, environment: 'dev' } })
      await steer(id, { action: 'resume' })
      guards.show([1], 3)
      await until(id, 'step 2', ({ step }) => step === 2)
    })

    test('goes back to the gates as they were at a step, and an abort to those before the first', async () => {
      await plane.ask('POST', `/api/v4/features/${FLAG}`, {
        form: { value: 'true', oauth_application: '33', environment: 'dev' },
      })
      const before = await flag()
      const id = await start({ steps: [{ applications: [1] }, { percentage: 60 }] })
      await until(id, 'step 1', ({ step }) => step === 1)
      const atOne = (await flag()).replaceAll(/"version":\d+|"changed_at":"[^"]+"/g, '')
      guards.show([1], 3)
      await until(id, 'step 2', ({ step }) => step === 2)
      assert.notEqual((await flag()).replaceAll(/"version":\d+|"changed_at":"[^"]+"/g, ''), atOne)
      await steer(id, { action: 'back', step: 1, reason: 'look again' })
      const back = await until(id, 'step 1 again', ({ step }) => step === 1)
      assert.equal(back.state, 'paused')
      const gates = (text: string) =>
        text.match(/"gates":\[.*?\]\}?\]/)?.[0] ?? text.replaceAll(/"version":\d+|"[a-z_]+_at":"[^"]+"/g, '')
      assert.equal(gates(await flag()), gates(atOne))
      await steer(id, { action: 'abort', reason: 'enough' })
      await until(id, 'aborted', ({ state }) => state === 'aborted')
      assert.equal(gates(await flag()), gates(before))
    })

    test('waits for an approval, a watch and a tick of time, each as a sentence', async () => {
      const id = await start({
        steps: [{ applications: [1], approval: 'required' }],
        watch: { acknowledge: 'required' },
      })
      const waiting = await until(id, 'both reasons', ({ waiting_for }) => waiting_for.length === 2)
      assert.equal(waiting.state, 'waiting')
      assert.match(waiting.waiting_for.join('; '), /must approve step 1\.; .*watch for two hours/)
      await steer(id, { action: 'approve' })
      await steer(id, { action: 'acknowledge' })
      const watched = await until(id, 'step 1', ({ step }) => step === 1)
      assert.equal(watched.watch.by, 'administrator')
    })

    test('in mode advise changes nothing, and follows what people do', async () => {
      const id = await start({ mode: 'advise', steps: [{ applications: [1] }, { applications: [2] }] })
      await eventually('the advice', async () => (await kindsOf(id)).includes('advice'))
      assert.ok(!(await flag()).includes(actor(1)))
      await plane.ask('POST', `/api/v4/features/${FLAG}`, {
        form: { value: 'true', oauth_application: '1', environment: 'dev' },
      })
      const followed = await until(id, 'step 1', ({ step }) => step === 1)
      assert.equal(followed.moved, 1)
    })

    test('waits for the queries of its plan, and goes back when one fails', async () => {
      const query = { name: 'p99', query: 'iam_p99_seconds', at_most: 1 }
      const id = await start({ steps: [{ applications: [1] }, { percentage: 60 }], guards: ['failures', query] })
      const waiting = await until(id, 'it waits', ({ waiting_for }) =>
        /the query p99 says not/i.test(waiting_for.join()),
      )
      assert.equal(waiting.step, 0)
      guards.queries.set('p99', { verdict: 'pass', value: 0.2 })
      await until(id, 'step 1', ({ step }) => step === 1)
      guards.queries.set('p99', { verdict: 'fail', value: 3 })
      const held = await until(id, 'held at step 0', ({ state, step }) => state === 'held' && step === 0)
      assert.match(held.held.sentence, /the query p99 says fail; the rollout goes back to step 0 and is held/)
      guards.queries.clear()
    })

    test('begins new attempts after a deployment of IAM, once for each', async () => {
      const id = await start({ steps: [{ applications: [1] }, { applications: [2] }] })
      await until(id, 'step 1', ({ step }) => step === 1)
      const json = { environment: 'dev', component: 'iam', version: '2.0', commit: 'a'.repeat(40) }
      assert.equal((await plane.ask('POST', '/api/v1/deployments', { json })).status, 201)
      const { reason, before } = await eventually('the renewal', () => guards.renewed.at(-1))
      assert.match(reason, /^iam:deployment-\d+$/)
      assert.ok(Math.abs(before - Date.now()) < 120_000)
      assert.equal(guards.renewed.length, 1)
    })

    test('continues without an application that is removed in the middle of a step', async () => {
      await plane.announce(testApplication(41))
      const id = await start({ steps: [{ applications: [1, 41] }, { applications: [2] }] })
      await until(id, 'step 1', ({ step }) => step === 1)
      guards.show([1], 3)
      await until(id, 'it waits for 41', ({ waiting_for }) => /application 41 has shown no/.test(waiting_for.join()))
      assert.ok((await plane.ask('DELETE', '/api/v1/applications/41?version=2')).status < 300)
      await until(id, 'step 2', ({ step }) => step === 2)
    })

    test('goes back a step and is held when many applications fail at once', async () => {
      const id = await start({ steps: [{ applications: [1] }, { percentage: 60 }] })
      await until(id, 'step 1', ({ step }) => step === 1)
      guards.show([1], 3)
      await until(id, 'step 2', ({ step }) => step === 2)
      guards.judgement = {
        do: 'step_back',
        scope: 'step',
        applications: [3, 4, 5],
        sentence: '3 applications fail together',
      }
      guards.tell()
      const held = await until(id, 'held at step 1', ({ state, step }) => state === 'held' && step === 1)
      assert.equal(held.moved, 1)
      assert.match(held.held.sentence, /3 applications fail together; the rollout goes back to step 1 and is held/)
      assert.ok(!(await flag()).includes('percentage_of_actors","value":60'))
    })

    test('holds for as long as legacy fails too, and then continues by itself', async () => {
      const id = await start({ steps: [{ applications: [1] }, { applications: [2] }] })
      await until(id, 'step 1', ({ step }) => step === 1)
      guards.judgement = { do: 'hold', sentence: 'legacy fails as well' }
      guards.tell()
      await until(id, 'held', ({ state }) => state === 'held')
      guards.judgement = undefined
      guards.show([1], 3)
      await until(id, 'step 2', ({ step }) => step === 2)
      assert.ok((await eventsOf(id)).some(({ kind, by }) => kind === 'resumed' && by === 'handover-rollouts'))
    })
  })
}
