import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { OUTCOME_KINDS } from '../../src/outcomes/index.ts'
import { ROOT } from '../support/program.ts'
import { eventually } from '../support/wait.ts'
import { type System, startUp } from './system.ts'

/** The steps of the rollout checklist that prove something on the running system, as an operator runs them. */
describe('probes and drills on a fresh handover up', () => {
  let system: System
  before(async () => {
    system = await startUp()
  })
  after(() => system.stop())

  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await system.handover(...args, '--json')
    assert.notEqual(code, 2, stderr)
    return { code, answer: JSON.parse(stdout || 'null'), stderr }
  }

  for (const side of ['rails', 'iam'] as const) {
    test(`proves every kind of flow on ${side}, whatever the flag says`, async () => {
      const { code, answer } = await json('probe', `--side=${side}`)
      const web = answer.probes.find(({ twin }: { twin: string }) => twin === 'web')
      const found = web.results.map((one: Record<string, unknown>) => [
        one['kind'],
        one['verdict'],
        one['side'],
        one['error'],
      ])
      assert.deepEqual(
        found,
        OUTCOME_KINDS.map((kind) => [kind, 'succeeded', side, null]),
      )
      assert.equal(code, 0)
    })
  }

  test('prints a line for each flow', async () => {
    const { code, stdout } = await system.handover('probe', '--kind=client_credentials')
    assert.equal(code, 0, stdout)
    assert.match(
      stdout,
      /^twin web \(application \d+\) on rails\n {2}client_credentials {2}succeeded, served by rails \(flag_disabled\), \d+ ms\n/,
    )
    assert.match(stdout, /all succeeded$/)
  })

  test('a new flow falls back when IAM cannot be reached', async () => {
    const { code, stdout, stderr } = await system.handover('drill', 'fail-open')
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /^fail-open {2}passed: .*sign_in, device, client_credentials, password/)
  })

  test('a rollout runs the guard drill by itself before its first step', async () => {
    const plan = join(system.dataDir, 'drilled.json')
    const [demo] = JSON.parse(readFileSync(join(system.dataDir, 'demo-client.json'), 'utf8'))
    const flag = 'proxy_oauth_requests_to_iam_service'
    const steps = [{ applications: [demo.id] }]
    writeFileSync(plan, JSON.stringify({ version: 1, name: 'drilled', flag, environment: 'production', steps }))
    const { answer: made } = await json('rollout', 'create', plan, '--reason=drill')
    const id = String(made.id)
    const started = await system.handover('rollout', 'start', id, '--reason=drill')
    assert.equal(started.code, 0, started.stderr)
    const drilled = await eventually('the drill is in the timeline', async () => {
      const { stdout } = await system.handover('rollout', 'report', id)
      return /Guard drill (passed|missed)[^|]*/.exec(stdout)?.[0]
    })
    assert.match(drilled, /^Guard drill passed: The guard of .* acted after \d outcomes at most/)
    const { answer } = await json('drill', 'show')
    const guard = answer.drills.find(({ drill }: { drill: string }) => drill === 'guard')
    assert.deepEqual([guard.by, guard.is_current], ['handover-rollouts', true])
    assert.equal((await system.handover('rollout', 'abort', id, '--reason=seen')).code, 0)
  })

  test('a guard notices a twin that is broken on purpose', async () => {
    const { code, stdout, stderr } = await system.handover('drill', 'guard')
    assert.equal(code, 0, stdout + stderr)
    const shown = await json('drill', 'show')
    assert.equal(shown.code, 0)
    assert.ok(shown.answer.drills.every((one: { is_current: boolean }) => one.is_current))
  })

  test('an application without a twin gets a clear answer', async () => {
    const { code, stderr } = await system.handover('probe', '--oauth-application=handover-mark-check')
    assert.equal(code, 1)
    assert.match(stderr, /no twin stands for the cohort/)
    const unknown = await system.handover('probe', '--oauth-application=999999')
    assert.match(unknown.stderr, /no such application/)
  })

  test('a move starts the schedule of its twins, and no credential is stored or shown', async () => {
    const [demo] = JSON.parse(readFileSync(join(system.dataDir, 'demo-client.json'), 'utf8'))
    const flag = ['flag', 'set', 'proxy_oauth_requests_to_iam_service', 'true', `--oauth-application=${demo.id}`]
    assert.equal((await system.handover(...flag)).code, 0)
    const headers = { 'private-token': readFileSync(join(system.dataDir, 'admin-token'), 'utf8').trim() }
    const text = await eventually('the twins are probed on IAM', async () => {
      const answer = await fetch(`${system.controlUrl}/api/v1/probes`, { headers, signal: AbortSignal.timeout(10_000) })
      const body = await answer.text()
      const twins = (JSON.parse(body).probes as Array<{ twin: string; side: string; kind: string; at: string }>).filter(
        ({ side, kind }) => side === 'iam' && kind === 'sign_in',
      )
      return twins.some(({ twin }) => twin === 'phone') && body
    })
    const kept = JSON.parse(readFileSync(join(system.dataDir, 'probe-twins.json'), 'utf8'))
    for (const secret of [
      kept.user.password,
      ...kept.twins.map((one: { client_secret: string }) => one.client_secret),
    ]) {
      assert.ok(!text.includes(secret))
    }
    assert.doesNotMatch(text, /gliam/)
  })

  test('every command of the checklist that needs no human hand does its work', async () => {
    const page = readFileSync(join(ROOT, 'docs', 'how-to', 'work-through-the-checklist.md'), 'utf8')
    const rows = [...page.matchAll(/^\|[^|]+\| `handover ([^`]+)` \| by a test \|$/gm)].map(
      ([, command = '']) => command,
    )
    assert.ok(rows.length >= 14)
    for (const command of rows) {
      const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
      const { code, stdout, stderr } = await system.handover(...words)
      // What a fresh system cannot have, such as a recorded deployment, is open: exit code 1, and never a fault.
      const mayBeOpen = words[0] === 'checklist' || words[1]?.startsWith('auto_deploy status')
      assert.ok(code === 0 || (code === 1 && mayBeOpen), `${command}: ${code}\n${stdout}${stderr}`)
      assert.notEqual(stdout, '')
    }
    const { stdout } = await system.handover('checklist', 'show')
    for (const item of ['gateways_ready', 'applications_replicated', 'fail_open_drill', 'guard_drill', 'probes']) {
      assert.match(stdout, new RegExp(`\\[x\\] ${item} `), stdout)
    }
    for (const item of ['milestone', 'documentation', 'support_informed', 'announcement']) {
      assert.equal((await system.handover('checklist', 'tick', item)).code, 0)
    }
    const ticked = (await system.handover('checklist', 'show')).stdout
    assert.match(ticked, /\[x\] milestone {2}The milestone is set: ticked by \S+ at \d{4}-/)
  })

  // Last, because it uses up the limit of a twin that other tests probe.
  test('shows what a client meets under each injected fault', async () => {
    const { answer } = await json('probe', '--kind=client_credentials', '--kind=sign_in', '--side=iam', '--faults')
    const observed = answer.probes.flatMap(({ faults }: { faults: Array<Record<string, string>> }) =>
      faults.map(({ fault, verdict }) => `${fault} ${verdict}`),
    )
    assert.deepEqual([...new Set(observed)].sort(), [
      'lost_answer succeeded',
      'redirected_post succeeded',
      'too_many_requests succeeded',
    ])
  })
})
