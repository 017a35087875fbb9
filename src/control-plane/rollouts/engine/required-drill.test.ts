import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { silentLog } from '../../../observability/index.ts'
import type { Rollout } from '../../../rollouts/index.ts'
import type { Store } from '../../state/store.ts'
import type { Leadership } from '../leadership/leadership.ts'
import type { StoredDrill } from '../probes/drill-store.ts'
import { RolloutStore } from '../store/rollout-store.ts'
import { requiredDrill } from './required-drill.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const NEXT = {}

/** The probes of a control plane; `next` is how the next drill ends. */
class ScriptedProbing {
  impossible: string | undefined
  last: StoredDrill | undefined
  next: Promise<boolean> = Promise.resolve(true)
  ran = 0

  noDrillBecause = () => this.impossible
  latestDrill = async () => this.last
  currentDrill = async () =>
    this.last?.hasPassed ? { passedAt: this.last.at, outcomes: 3, iamVersion: undefined } : undefined
  drill = async (): Promise<StoredDrill | 'busy'> => {
    const id = ++this.ran
    const hasPassed = await this.next
    const sentence = hasPassed ? 'The guard acted.' : 'No guard acted within 7 outcomes.'
    this.last = { id, hasPassed, outcomes: 3, iamVersion: '1.0', sentence, by: 'handover-rollouts', at: new Date() }
    return this.last
  }
}

for (const engine of testDatabases()) {
  describe(`the required guard drill on ${engine.kind}`, () => {
    let database: TestDatabase
    let plane: TestControlPlane
    let id: number
    let wakes = 0
    let clock = 0
    let probing: ScriptedProbing
    let look: (rollout: Rollout) => ReturnType<ReturnType<typeof requiredDrill>>
    before(async () => {
      database = await engine.open()
      plane = await startTestControlPlane(database.database)
    })
    after(async () => {
      await plane.close()
      await database.close()
    })
    beforeEach(async () => {
      const plan = { version: 1, name: 'wave', flag: FLAG, environment: 'dev', steps: [{ percentage: 1 }] }
      id = (await plane.ask('POST', '/api/v1/rollouts', { json: { plan } })).json.id
      probing = new ScriptedProbing()
      wakes = 0
      const rollouts = new RolloutStore(plane.schema)
      const store = { database: database.database, schema: plane.schema } as Store
      const leadership = { write: (work) => database.database.transaction(work) } as Leadership
      const onChange = () => {
        wakes++
      }
      const ask = requiredDrill({
        dependencies: { store, rollouts, allowsShort: false, onChange },
        ...{ probing, leadership, log: silentLog, now: () => clock },
      })
      look = (rollout) => ask(rollout, NEXT)
    })

    const rolloutOf = (environment: string, more: { guardDrill?: string; drillsSeen?: number } = {}) => {
      const { guardDrill, drillsSeen = 0 } = more
      return { id, plan: { environment, guardDrill }, drillsSeen } as unknown as Rollout
    }
    const events = async () => {
      const { json } = await plane.ask('GET', `/api/v1/rollouts/${id}/events`)
      return json.events.filter(({ kind }: { kind: string }) => kind === 'drill')
    }

    test('runs one drill while none counts, waits for it, and then lets the step begin', async () => {
      let end = (_hasPassed: boolean) => {}
      probing.next = new Promise((resolve) => {
        end = resolve
      })
      for (let count = 0; count < 3; count++) {
        assert.match((await look(rolloutOf('production'))).waits.join(), /^the guard drill runs: /)
      }
      assert.equal(probing.ran, 1)
      end(true)
      await eventually('the engine is woken', () => wakes > 0)
      assert.deepEqual(await look(rolloutOf('production')), { waits: [] })
      assert.deepEqual(
        (await events()).map(({ by, sentence }: { by: string; sentence: string }) => [by, sentence]),
        [['handover-rollouts', 'Guard drill passed: The guard acted.']],
      )
    })

    test('holds a rollout whose drill missed, until a person who knows of it resumes', async () => {
      probing.next = Promise.resolve(false)
      await look(rolloutOf('production'))
      await eventually('the engine is woken', () => wakes > 0)
      const missed = await look(rolloutOf('production'))
      assert.equal(
        missed.missedDrill,
        'the guard drill missed: No guard acted within 7 outcomes. Resume runs the drill again',
      )
      assert.equal(probing.ran, 1)
      await look(rolloutOf('production', { drillsSeen: 1 }))
      assert.equal(probing.ran, 2)
    })

    for (const [fault, drill] of [
      ['throws', () => Promise.reject(new Error('the twin cannot be written'))],
      ['is busy', () => Promise.resolve('busy' as const)],
    ] as const) {
      test(`pauses after a drill that ${fault}, and then runs it again`, async () => {
        probing.drill = () => {
          probing.ran++
          return drill()
        }
        await look(rolloutOf('production'))
        await eventually('the engine is woken', () => wakes > 0)
        for (const later of [0, 29_000]) {
          clock += later
          assert.match((await look(rolloutOf('production'))).waits.join(), /^the guard drill could not run/)
        }
        assert.equal(probing.ran, 1)
        clock += 1_000
        assert.match((await look(rolloutOf('production'))).waits.join(), /^the guard drill runs: /)
        assert.equal(probing.ran, 2)
      })
    }

    for (const [environment, guardDrill, isRequired] of [
      ['production', undefined, true],
      ['production', 'where_possible', false],
      ['dev', undefined, false],
      ['dev', 'required', true],
    ] as const) {
      const rule = guardDrill === undefined ? 'without a rule' : `with ${guardDrill}`
      test(`a plan for ${environment} ${rule} ${isRequired ? 'waits' : 'starts'} where no drill can run`, async () => {
        probing.impossible = 'no twin applications are configured'
        const found = await look(rolloutOf(environment, guardDrill && { guardDrill }))
        assert.equal(found.waits.length, isRequired ? 1 : 0)
        if (isRequired) assert.match(found.waits[0] ?? '', /cannot run: no twin applications are configured/)
        assert.equal(probing.ran, 0)
      })
    }

    test('a note on the ticked item lets a rollout start without a drill, and a bare tick does not', async () => {
      probing.impossible = 'no twin applications are configured'
      const rollout = rolloutOf('dev', { guardDrill: 'required' })
      const tick = (note: string) =>
        plane.ask('POST', '/api/v1/checklist/ticks', {
          json: { environment: 'dev', rollout: id, item: 'guard_drill', note },
        })
      assert.equal((await tick('')).status, 200)
      assert.equal((await look(rollout)).waits.length, 1)
      assert.equal((await tick('the twins follow next week')).status, 200)
      assert.deepEqual(await look(rollout), { waits: [] })
    })
  })
}
