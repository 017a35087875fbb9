import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { DEFAULT_RULES } from '../../chatops/index.ts'
import type { Run } from './context/principal.ts'
import { type ChatRollouts, onRollouts } from './rollouts.ts'

/** The engine runs: the date keeps it from beginning a step between two commands. */
const PLAN = {
  not_before: new Date(Date.now() + 7 * 86_400_000).toISOString(),
  ...{ version: 1, flag: 'proxy_oauth_requests_to_iam_service', name: 'wave' },
  steps: [{ applications: [42] }, { percentage: 100, approval: 'required' }],
}

interface Said {
  readonly outcome: string
  readonly text: string
}

for (const engine of testDatabases()) {
  describe(`commands for rollouts on ${engine.kind}`, () => {
    let database: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      database = await engine.open()
      const rules = { ...DEFAULT_RULES, productionChannel: 'C101F3796' }
      plane = await startTestControlPlane(database.database, { chatops: { rules, slack: undefined, teams: [] } })
      await plane.announce(testApplication(42))
    })
    after(async () => {
      await plane.close()
      await database.close()
    })

    const say = async (text: string, token?: string): Promise<Said> => {
      const answer = await plane.ask('POST', '/api/v1/chatops', { json: { text }, ...(token && { token }) })
      assert.equal(answer.status, 200, answer.text)
      return answer.json as Said
    }
    const act = async (id: number, action: string) => {
      const { version } = (await plane.ask('GET', `/api/v1/rollouts/${id}`)).json
      return plane.ask('POST', `/api/v1/rollouts/${id}/actions`, { json: { action, version, reason: 'a test' } })
    }
    /** A new rollout; earlier ones of the environment are aborted, because one at a time may be active. */
    const rolloutIn = async (environment: string): Promise<number> => {
      for (const { id } of (await plane.ask('GET', `/api/v1/rollouts?environment=${environment}`)).json.rollouts) {
        await act(id, 'abort')
      }
      const made = await plane.ask('POST', '/api/v1/rollouts', { json: { plan: { ...PLAN, environment } } })
      assert.equal(made.status, 201, made.text)
      return made.json.id
    }
    const stateOf = async (id: number) => (await plane.ask('GET', `/api/v1/rollouts/${id}`)).json.state

    test('list and show say where a rollout stands', async () => {
      const id = await rolloutIn('staging')
      assert.match((await say('rollout list --staging')).text, new RegExp(`${id}: wave in staging, draft, step 0 of 2`))
      assert.doesNotMatch((await say('rollout list --production')).text, /wave in staging/)
      assert.match((await say(`rollout show ${id}`)).text, new RegExp(`staging: rollout ${id} \\(wave\\) is draft`))
      assert.equal((await say('rollout show 999')).outcome, 'refused')
    })

    test('pause, approve, resume and abort steer it, in the name of the person', async () => {
      const id = await rolloutIn('staging')
      await act(id, 'start')
      const paused = await say(`rollout pause ${id} --reason "someone investigates"`)
      assert.equal(paused.outcome, 'done', paused.text)
      assert.equal(await stateOf(id), 'paused')
      assert.equal((await say(`rollout approve ${id}`)).outcome, 'done')
      assert.equal((await say(`rollout resume ${id}`)).outcome, 'done')
      assert.equal((await say(`rollout abort ${id} --reason "wrong plan"`)).outcome, 'done')
      const { events } = (await plane.ask('GET', `/api/v1/rollouts/${id}/events`)).json
      const sentences = events.map(({ sentence }: { sentence: string }) => sentence).join('\n')
      assert.match(sentences, /administrator paused the rollout: someone investigates/)
      assert.match(sentences, /administrator aborted the rollout.*: wrong plan/)
    })

    test('what the rollout refuses is the answer', async () => {
      const id = await rolloutIn('staging')
      const said = await say(`rollout resume ${id}`)
      assert.equal(said.outcome, 'refused')
      assert.match(said.text, /resume is not possible in state draft/)
    })

    test('production is steered from its channel only', async () => {
      const id = await rolloutIn('production')
      await act(id, 'start')
      for (const command of ['pause', 'resume', 'approve', 'abort --reason x']) {
        const [action, ...more] = command.split(' ')
        const said = await say(`rollout ${action} ${id} ${more.join(' ')}`)
        assert.equal(said.outcome, 'refused', command)
        assert.match(said.text, /from the Slack channel C101F3796 only/)
      }
      const report = await say('report-problem --oauth-application=42 --reason "blank page"')
      assert.match(report.text, /from the Slack channel C101F3796 only/)
    })

    test('a person steers the environments that they may change', async () => {
      const json = { role: 'operator', name: 'bob', environments: ['dev'] }
      const { token } = (await plane.ask('POST', '/api/v1/tokens', { json })).json
      const id = await rolloutIn('staging')
      await act(id, 'start')
      assert.match((await say(`rollout pause ${id}`, token)).text, /bob may not change staging/)
      const report = await say('report-problem --oauth-application=42 --reason "blank page" --staging', token)
      assert.match(report.text, /bob may not change staging/)
    })

    test("a customer's report is recorded and appears in the timeline", async () => {
      const id = await rolloutIn('staging')
      await act(id, 'start')
      const said = await say('report-problem --oauth-application=client-42 --reason "blank page" --staging')
      assert.equal(said.outcome, 'done', said.text)
      assert.match(said.text, /problem \d+ of application 42 recorded/)
      const { events } = (await plane.ask('GET', `/api/v1/rollouts/${id}/events`)).json
      assert.match(JSON.stringify(events), /administrator reported a problem with application 42: blank page/)
      const unknown = await say('report-problem --oauth-application=77 --reason "blank page" --staging')
      assert.match(unknown.text, /there is no application "77"/)
    })

    test('a credential in a reason is refused', async () => {
      const id = await rolloutIn('staging')
      await act(id, 'start')
      const said = await say(`rollout pause ${id} --reason "token glpat-abcdefghijkl"`)
      assert.match(said.text, /reason must not hold a credential/)
    })
  })
}

describe('a command for a rollout that the engine changes at the same moment', () => {
  const found = { id: 7, version: 3, plan: { environment: 'dev', name: 'wave', steps: [] } }
  const done = { ...found, state: 'paused', step: 0, excluded: [], forecast: {} }
  const principal: Run['principal'] = {
    ...{ name: 'ann', role: 'operator', channel: 'api', from: null, slackChannel: undefined },
    mayChange: ['dev'],
  }
  const run = { principal, correlationId: 'c', progress: async () => {}, signal: new AbortController().signal }

  /** Pauses a rollout whose version has changed each time, `conflicts` times. */
  async function pause(conflicts: number) {
    const versions: number[] = []
    const rollouts = {
      read: async () => found,
      events: async () => [{ by: 'handover-rollouts', sentence: 'Step 2 of 3' }],
      act: async (_id: number, { version }: { version: number }) => {
        versions.push(version)
        return versions.length <= conflicts ? { kind: 'conflict', version: version + 1 } : done
      },
    } as unknown as ChatRollouts['rollouts']
    const command = { kind: 'rollout_act', rollout: 7, action: 'pause', reason: undefined } as const
    const [section] = await onRollouts({ rollouts, feed: {} as ChatRollouts['feed'] }, DEFAULT_RULES, command, run)
    return { versions, tone: section?.tone, lines: section?.lines }
  }

  test('is carried out on the rollout as it is now', async () => {
    const { versions, tone } = await pause(1)
    assert.deepEqual([versions, tone], [[3, 4], 'done'])
  })

  test('says who was faster after a second conflict', async () => {
    const { versions, tone, lines } = await pause(2)
    assert.deepEqual([versions, tone], [[3, 4], 'refused'])
    assert.deepEqual(lines, ['handover-rollouts was faster: Step 2 of 3; check it and run the command again'])
  })
})
