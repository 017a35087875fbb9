import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readPlan } from '../plan/read-plan.ts'
import { DecisionLines } from './decision-lines.ts'
import { loadOf, type ObservedTraffic, readTrafficLines, TrafficCounter } from './observed-traffic.ts'
import { simulate } from './simulate.ts'

const DAY_MS = 86_400_000
const NOON = Date.parse('2026-11-29T12:00:00Z')
const HEAD = 'version: 1\nname: wave\nflag: proxy_oauth_requests_to_iam_service\nenvironment: production\n'

function planOf(text: string) {
  const read = readPlan(HEAD + text, { now: NOON, allowsShort: false })
  return 'plan' in read ? read.plan : assert.fail(JSON.stringify(read.faults))
}

/** A day in which application n begins the n-th number of sign-ins, spread over the hours; refreshes by id. */
function day(signIns: readonly number[], refreshes: Readonly<Record<number, number>> = {}): ObservedTraffic {
  const counter = new TrafficCounter()
  signIns.forEach((count, index) => {
    for (let n = 0; n < count; n++) counter.add(index + 1, 'sign_in', NOON + Math.floor((n * DAY_MS) / count))
  })
  for (const [id, count] of Object.entries(refreshes)) counter.add(Number(id), 'refresh', NOON, count)
  return counter.traffic({ from: NOON, until: NOON + DAY_MS }) ?? assert.fail()
}

const candidates = (count: number, cohort: (id: number) => string = () => 'web') =>
  Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    clientId: `client-${index + 1}`,
    cohort: cohort(index + 1),
  }))
const OFF = { boolean: false, actors: [], percentage_of_actors: 0, opted_out: [] }
const run = (plan: string, observed: ObservedTraffic, more: Partial<Parameters<typeof simulate>[0]> = {}) =>
  simulate({ plan: planOf(plan), gates: OFF, candidates: candidates(observed.applications.size), observed, ...more })

describe('the simulation of a plan', () => {
  test('says who moves when, and that a step lasts until its evidence suffices', () => {
    const plan =
      'steps:\n  - applications: [1]\n  - percentage: 100\nevidence: { outcomes: 12 }\nbudget: { flows: 50 }\n'
    const { steps, lasts_ms } = run(plan, day([24, 480, 480, 480, 480, 480, 480, 480, 480, 480, 480, 480]))
    assert.deepEqual(
      steps.map(({ applications, begins_after_ms: begins, lasts_ms: lasts }) => [applications.length, begins, lasts]),
      [
        [1, 0, DAY_MS / 2],
        [11, DAY_MS / 2, 900_000],
      ],
    )
    assert.equal(lasts_ms, DAY_MS / 2 + 900_000 + DAY_MS)
  })

  test('follows the flag: what is on already does not move again, and an opt-out stays out', () => {
    const gates = { ...OFF, actors: ['Authn::OauthApplication:1'], opted_out: ['Authn::OauthApplication:2'] }
    const { steps } = run('steps:\n  - applications: [1, 2, 3]\n  - percentage: 100\n', day([9, 9, 9, 9]), { gates })
    assert.deepEqual(
      steps.map(({ applications }) => applications),
      [[3], [4]],
    )
  })

  test('shows where a plan would stall: no new flow, too much risk, too large an application, no known application', () => {
    const observed = day([0, 5, 900_000, 10], { 1: 500 })
    const plan =
      'steps:\n  - applications: [1, 77]\n  - applications: [2]\n  - percentage: 100\nbudget: { flows: 20 }\n'
    const { steps, lasts_ms } = run(plan, observed)
    assert.equal(lasts_ms, null)
    assert.deepEqual(steps[0]?.stalls, [
      'No application has the id or client_id 77',
      'Application 1 starts no new flow, because all flows use credentials that rails issued, so IAM gathers no evidence however long the step lasts; pass_on_probes lets probes count instead',
    ])
    assert.deepEqual([steps[0]?.evidence_after_ms, steps[1]?.begins_after_ms], [null, null])
    assert.deepEqual(steps[1]?.stalls, ['Application 2 needs 7 days to gather enough evidence'])
    assert.match(
      steps[2]?.stalls.join('\n') ?? '',
      /Application 3 carries more than 10 %.*\n.*exceeds the budget of 20/,
    )
  })

  test('tells an application without traffic from one that only uses its old credentials', () => {
    const missing = { candidates: candidates(2) }
    const stalls = (steps: string) => run(steps, day([0, 0], { 1: 500 }), missing).steps[0]?.stalls.join('\n') ?? ''
    assert.match(
      stalls('steps:\n  - applications: [1, 2]\n'),
      /^Application 2 has no traffic, .*\nApplication 1 starts no new flow/,
    )
    assert.match(stalls('steps:\n  - percentage: 100\n'), /^No application in this step starts a new flow/m)
    const idle = run('steps:\n  - percentage: 100\n', day([0], { 9: 1 }), { candidates: candidates(1) })
    assert.match(idle.steps[0]?.stalls[0] ?? '', /^No application in this step has traffic, so IAM gathers no evidence/)
  })

  test('an application without new flows passes on probes where the plan says so', () => {
    const plan = 'steps:\n  - applications: [1]\n    pass_on_probes: true\n'
    assert.deepEqual(run(plan, day([0, 9], { 1: 500 })).steps[0]?.stalls, [])
  })

  test('takes the smallest application of each cohort', () => {
    const cohorts = candidates(4, (id) => (id < 3 ? 'web' : 'machine'))
    const { steps } = run('steps:\n  - sample: one_per_cohort\n', day([50, 40, 30, 60]), { candidates: cohorts })
    assert.deepEqual(steps[0]?.applications, [2, 3])
  })

  test('names the people and dates that a step waits for', () => {
    const plan = 'steps:\n  - percentage: 100\n    approval: required\n    not_before: 2026-12-24T08:00:00Z\n'
    assert.deepEqual(run(plan, day([9])).steps[0]?.waits_for, [
      ...['the approval of a person', 'a person who watches', '2026-12-24T08:00:00.000Z'],
    ])
  })

  test('adds up the load of all moved applications, on average and in the busiest hour', () => {
    const counter = new TrafficCounter()
    counter.add(1, 'client_credentials', NOON, 36_000)
    counter.add(2, 'refresh', NOON + 3_600_000, 7_200)
    const observed = counter.traffic({ from: NOON, until: NOON + DAY_MS }) ?? assert.fail()
    assert.deepEqual(loadOf(observed, [1, 2]), { average_per_second: 0.5, peak_per_second: 10 })
    assert.deepEqual(loadOf(observed, [3]), { average_per_second: 0, peak_per_second: 0 })
  })
})

describe('observed traffic', () => {
  const decision = (fields: Record<string, unknown>) =>
    JSON.stringify({
      ...{ level: 'info', time: '2026-11-29T12:00:00.000Z', msg: 'iamproxy: routing decision', method: 'POST' },
      ...{ application_id: 7, endpoint: 'token', reason: 'credential_issuer', ...fields },
    })

  test('comes from the lines of a decision log, and from nothing else in it', () => {
    const log = new DecisionLines()
    for (const line of [
      decision({ endpoint: 'authorize', method: 'GET', reason: 'flag_disabled' }),
      decision({ endpoint: 'authorize', method: 'POST', reason: 'flow_affinity' }),
      decision({}),
      decision({}),
      decision({ reason: 'flag_enabled' }),
      decision({ endpoint: 'introspect' }),
      decision({ application_id: null }),
      decision({ msg: 'about "iamproxy: routing decision"' }),
      'iamproxy: routing decision',
      '{"msg":"iamproxy: routing decision","application_id":1e99}',
      '',
    ]) {
      log.add(line)
    }
    assert.deepEqual(log.traffic.traffic()?.applications.get(7)?.byKind, {
      ...{ sign_in: 1, refresh: 1, client_credentials: 1, introspect: 1 },
    })
    assert.equal(log.traffic.traffic()?.applications.size, 1)
  })

  test('survives the way to the control plane', () => {
    const counter = new TrafficCounter()
    counter.add(7, 'sign_in', NOON, 3)
    counter.add(9, 'refresh', NOON + 7_200_000)
    const read = readTrafficLines(counter.lines())
    assert.deepEqual(read?.traffic()?.applications, counter.traffic()?.applications)
  })

  test('is refused when it is anything else', () => {
    for (const text of ['', '7,sign_in,1', '0,sign_in,1,1', '7,sign_inn,1,1', '7,sign_in,-1,1', '7,sign_in,1,1\n']) {
      assert.equal(readTrafficLines(text), undefined, text)
    }
  })

  test('does not grow beyond a week, whatever times are given', () => {
    const counter = new TrafficCounter()
    counter.add(7, 'sign_in', 0)
    counter.add(7, 'sign_in', NOON)
    assert.equal(counter.traffic()?.applications.get(7)?.byHour.length, 169)
  })
})
