import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SEED, type System, startParts, startUp, untilReplicated } from '../../test/e2e/system.ts'
import { createServerDatabase } from '../../test/support/database.ts'
import { eventually } from '../../test/support/wait.ts'
import { judge } from './judge.ts'
import { recordScenario } from './record.ts'
import { RECORDED, readNearRecording, readRecording, type Version } from './recording.ts'
import { listScenarios } from './scenario.ts'
import { ScenarioRun } from './scenario-run.ts'
import { ALL_SETS } from './scenarios/all.ts'
import { near } from './scenarios/near.ts'
import { readSeed } from './seed.ts'
import { resetTarget, type Target } from './target.ts'
import { sendTo } from './transport.ts'
import { seenIn, UNRECORDED_DIFFERENCES } from './unrecorded-differences.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

const seed = readSeed()
const scenarios = listScenarios(ALL_SETS, seed)
const nearScenarios = listScenarios([near], seed)

interface Running {
  readonly system: System
  remove(): Promise<void>
}

/** A store to run on, which also determines how the system starts. */
export type Store = 'embedded' | 'postgresql'

const STARTS: Readonly<Record<Store, (version: Version) => Promise<Running>>> = {
  async embedded(version) {
    const system = await startUp('--seed', SEED, '--test-controls', '--no-demo', '--doorkeeper-version', version)
    return { system, remove: async () => {} }
  },
  async postgresql(version) {
    const { url, remove } = await createServerDatabase(process.env.HANDOVER_TEST_DATABASE_URL ?? '')
    const servers = ['--doorkeeper-version', version]
    return { system: await startParts(url, { seed: SEED, hasTestControls: true, servers }), remove }
  },
}

/**
 * Runs every scenario that was recorded with a version of Doorkeeper against both servers: `handover up` on the
 * embedded store, or the parts as separate programs on PostgreSQL if `npm test` provides one. Prints what was compared.
 */
export function contractSuite(version: Version, store: Store): void {
  const isMissing = store === 'postgresql' && !process.env.HANDOVER_TEST_DATABASE_URL
  const skip = isMissing ? 'there is no PostgreSQL' : false
  describe(`Doorkeeper ${version}, ${store}`, { skip }, () => storeSuite(version, store))
}

function storeSuite(version: Version, store: Store): void {
  let system: System
  let remove = async () => {}
  before(async () => {
    const started = await STARTS[store](version)
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

  describe('the monolith', () => {
    scenarioTests(version, `${store}, monolith`, () => target(false))
    unrecordedTests(false, () => target(false))
  })

  describe('IAM, with the flag on for all', () => {
    before(async () => {
      const set = await system.handover('flag', 'set', FLAG, 'true')
      assert.equal(set.code, 0, set.stderr)
      await eventually('the gateway sends all of them to IAM', () => isHandedOff(target(true)))
    })
    scenarioTests(version, `${store}, IAM`, () => target(true))
    unrecordedTests(true, () => target(true))

    test('a consent form with a changed or missing challenge is refused, and denies and grants nothing', () =>
      tamperWithChallenge(target(true)))
  })
}

/** One test per scenario. */
function scenarioTests(version: Version, name: string, target: () => Target): void {
  const isNearRecorded = version === '5.5'
  const recording = new Map([...readRecording(version), ...(isNearRecorded ? readNearRecording() : [])])
  const counts = { played: 0, steps: 0, deliberate: 0, kept: 0 }
  for (const scenario of [...scenarios, ...(isNearRecorded ? nearScenarios : [])]) {
    test(`${scenario.id} ${scenario.title}`, async () => {
      const { handsOff } = target()
      const verdict = judge(recording, await recordScenario(scenario, target()), { version, handsOff })
      counts.played++
      counts.steps += verdict.steps
      counts.deliberate += verdict.deliberate
      if (verdict.faults.length === 0) counts.kept++
      assert.deepEqual(verdict.faults, [])
    })
  }
  after(() => {
    const { played, steps, kept, deliberate } = counts
    console.log(
      `${name}, as ${RECORDED[version].split(',')[0]}: ${kept} of ${played} scenarios the same, ${steps} steps compared, ${deliberate} of them deliberately different`,
    )
  })
}

/** The differences outside the recording are checked against the answers in the list. */
function unrecordedTests(handsOff: boolean, target: () => Target): void {
  const never = handsOff ? 'not handed off' : 'handed off'
  for (const { id, asked, play, answer } of UNRECORDED_DIFFERENCES.filter(({ when }) => when !== never)) {
    test(`${id} ${asked}`, async () => {
      await resetTarget(target())
      const run = new ScenarioRun(id, target())
      const seen = seenIn(await play(run), run.base)
      assert.deepEqual({ ...seen, ...answer }, seen)
    })
  }
}

async function tamperWithChallenge(target: Target): Promise<void> {
  await resetTarget(target)
  const t = new ScenarioRun('tampered challenge', target)
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
}

/** Whether ten consecutive requests, from every application, lead to the hand-off. */
async function isHandedOff({ seed: { clients }, send }: Target): Promise<boolean> {
  for (let round = 0; round < 10; round++) {
    for (const { uid } of Object.values(clients)) {
      const answer = await send({ method: 'GET', target: `/oauth/authorize?client_id=${uid}` })
      if (!answer.headers.location?.includes('login_challenge=')) return false
    }
  }
  return true
}
