import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SEED, type System, startParts, startUp, untilReplicated } from '../../test/e2e/system.ts'
import { createServerDatabase } from '../../test/support/database.ts'
import { eventually } from '../../test/support/wait.ts'
import { DELIBERATE_DIFFERENCES } from './deliberate-differences.ts'
import { judge } from './judge.ts'
import { recordScenario } from './record.ts'
import { readRecording } from './recording.ts'
import { listScenarios } from './scenario.ts'
import { ScenarioRun } from './scenario-run.ts'
import { ALL_SETS } from './scenarios/all.ts'
import { readSeed } from './seed.ts'
import { resetTarget, type Target } from './target.ts'
import { sendTo } from './transport.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const seed = readSeed()
const scenarios = listScenarios(ALL_SETS, seed)
const recording = readRecording('5.9')

const stores = [
  {
    name: 'handover up on the embedded store',
    start: async () => ({
      system: await startUp('--seed', SEED, '--test-controls', '--no-demo'),
      remove: async () => {},
    }),
  },
]
const server = process.env.HANDOVER_TEST_DATABASE_URL
if (server) {
  stores.push({
    name: 'separate parts on PostgreSQL',
    async start() {
      const { url, remove } = await createServerDatabase(server)
      return { system: await startParts(url, SEED, true), remove }
    },
  })
}

test('every recorded scenario is played, under its title', () => {
  const titles = (all: Iterable<{ id: string; title: string }>) => Array.from(all, ({ id, title }) => `${id} ${title}`)
  assert.deepEqual(titles(scenarios).sort(), titles(recording.values()).sort())
})

test('every deliberate difference names a step of the recording', () => {
  for (const { id, step } of DELIBERATE_DIFFERENCES) assert.ok((recording.get(id)?.steps.length ?? 0) >= step, id)
})

for (const store of stores) {
  describe(`Doorkeeper's answers, ${store.name}`, { timeout: 280_000 }, () => {
    let system: System
    let remove = async () => {}
    before(async () => {
      const started = await store.start()
      system = started.system
      remove = started.remove
      await untilReplicated(system, Object.keys(seed.clients).length)
    })
    after(async () => {
      await system?.stop()
      await remove()
    })
    const target = (handsOff: boolean): Target => {
      const base = new URL(system.issuer)
      return { base, seed, send: sendTo(base), handsOff }
    }

    describe('by the monolith', () => contract(store.name, () => target(false)))

    describe('by IAM, with the flag on for all', () => {
      before(async () => {
        const set = await system.handover('flag', 'set', FLAG, 'true')
        assert.equal(set.code, 0, set.stderr)
        await eventually('the gateway sends all of them to IAM', () => isHandedOff(target(true)))
      })
      contract(store.name, () => target(true))

      test('a consent form whose challenge is changed or left out is refused, and denies and grants nothing', async () => {
        await resetTarget(target(true))
        const t = new ScenarioRun('tampered challenge', target(true))
        await t.login()
        const page = await t.authorize()
        for (const which of ['post', 'delete'] as const) {
          for (const challenge of ['f'.repeat(64), '', undefined]) {
            const answer = await t.submit(page, which, { consent_challenge: challenge })
            assert.ok(answer.status >= 400 && answer.status < 500, `${which} ${challenge}: ${answer.status}`)
            assert.equal(answer.headers.location, undefined)
          }
        }
        assert.match(t.codeOf(await t.submit(page)) ?? '', /^.{20,}$/)
      })
    })
  })
}

/** One test a scenario. */
function contract(store: string, target: () => Target): void {
  let steps = 0
  let deliberate = 0
  for (const scenario of scenarios) {
    test(`${scenario.id} ${scenario.title}`, async () => {
      const recorded = recording.get(scenario.id)
      assert.ok(recorded)
      const verdict = judge(recorded, await recordScenario(scenario, target()), {
        version: '5.9',
        handsOff: target().handsOff,
      })
      steps += verdict.steps
      deliberate += verdict.deliberate
      assert.deepEqual(verdict.faults, [])
    })
  }
  after(() => {
    const side = target().handsOff ? 'IAM' : 'monolith'
    console.log(
      `${store}, ${side}: ${scenarios.length} scenarios, ${steps} steps, ${deliberate} deliberate differences`,
    )
  })
}

/** Whether ten requests in a row, of every application, lead to the hand-off. */
async function isHandedOff({ seed: { clients }, send }: Target): Promise<boolean> {
  for (let round = 0; round < 10; round++) {
    for (const { uid } of Object.values(clients)) {
      const answer = await send({ method: 'GET', target: `/oauth/authorize?client_id=${uid}` })
      if (!answer.headers.location?.includes('login_challenge=')) return false
    }
  }
  return true
}
