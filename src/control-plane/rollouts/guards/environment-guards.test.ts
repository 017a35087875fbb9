import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { OutcomeChange } from '../../../outcomes/index.ts'
import { EnvironmentGuards } from './environment-guards.ts'
import { counted, failureOf, outcomeOf } from './testing.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const DAY_MS = 86_400_000
const TWIN = 900

describe('the guards of an environment', () => {
  let now = 20_000 * DAY_MS
  let told: number[] = []
  let guards: EnvironmentGuards

  beforeEach(() => {
    now = 20_000 * DAY_MS
    told = []
    guards = new EnvironmentGuards('production', {
      cohortOf: (id) => (id % 2 === 0 ? 'machine' : 'web'),
      versionOf: () => 1,
      now: () => now,
      onLevel: (id) => told.push(id),
    })
  })

  const begin = (applicationId: number, over: { attempt?: number; passOnProbes?: boolean } = {}) =>
    guards.hold(
      guards.prepare({
        flag: FLAG,
        applicationId,
        attempt: 1,
        reason: 'first',
        passOnProbes: false,
        passBound: 0.1,
        ...over,
      }),
    )
  const apply = (change: OutcomeChange) => {
    now += 1_000
    guards.apply(change)
  }
  const flows = (count: number, over: Parameters<typeof outcomeOf>[0] = {}) => {
    for (let taken = 0; taken < count; taken++) apply(counted(outcomeOf({ at: now, ...over })))
  }
  const failures = (count: number, over: Parameters<typeof outcomeOf>[0] = {}) => {
    for (let taken = 0; taken < count; taken++) apply(counted(failureOf({ at: now, ...over })))
  }
  const reading = (applicationId = 3, guard = 'failures') =>
    guards.readings(applicationId).find((one) => one.guard === guard)

  test('an application with 200 outcomes on legacy that fails on IAM is excluded after three or four, with its cause', () => {
    flows(200, { side: 'rails' })
    begin(3)
    failures(4)
    const { verdict, level, cause, outcomes } = reading() ?? {}
    assert.deepEqual(
      { verdict, level, cause, outcomes },
      { verdict: 'fail', level: 'act', cause: 'invalid_client', outcomes: 4 },
    )
    const judgement = guards.judge([3])
    assert.equal(judgement.do === 'exclude' && judgement.readings[0]?.applicationId, 3)
    assert.ok(told.length > 0 && told.every((id) => id === 3))
  })

  test('client, user and own causes count for nothing, and neither do outcomes before the attempt', () => {
    failures(5)
    begin(3)
    for (const cause of ['client', 'user', 'ours'] as const) failures(3, { cause })
    assert.equal(reading()?.outcomes, 0)
  })

  test('an application whose flows all run on credentials of rails has not enough evidence, and says so', () => {
    begin(3)
    flows(20, { side: 'rails' })
    const { verdict, sentence } = reading() ?? {}
    assert.equal(verdict, 'not_enough_evidence')
    assert.match(String(sentence), /moved, but all of its flows still run on credentials of rails/)
  })

  test('such an application passes on the probes of its cohort only if its plan says so', () => {
    begin(3, { passOnProbes: true })
    begin(5)
    flows(20, { side: 'rails' })
    for (let probe = 0; probe < 40; probe++) apply(counted(outcomeOf({ applicationId: TWIN + 1 }), true))
    assert.equal(reading(3)?.verdict, 'pass')
    assert.match(String(reading(3)?.sentence), /Passed on its probes: moved, but all of its flows still run/)
    assert.equal(reading(5)?.verdict, 'not_enough_evidence')
    assert.equal(reading(5, 'probes')?.verdict, 'pass')
    assert.deepEqual(
      guards.readings().filter((one) => one.applicationId === TWIN + 1),
      [],
    )
  })

  test('probes never count as real traffic, and real traffic never as probes', () => {
    begin(3)
    flows(5)
    for (let probe = 0; probe < 5; probe++) apply(counted(failureOf({ applicationId: TWIN + 1 }), true))
    assert.deepEqual([reading()?.outcomes, reading()?.failures], [5, 0])
    assert.deepEqual([reading(3, 'probes')?.outcomes, reading(3, 'probes')?.failures], [5, 5])
  })

  test('a failing twin excludes an application without flows of its own, and none of another cohort', () => {
    begin(3)
    begin(4)
    for (let probe = 0; probe < 7; probe++) apply(counted(failureOf({ applicationId: TWIN + 1 }), true))
    const judgement = guards.judge([3, 4])
    assert.deepEqual(judgement.do === 'exclude' && judgement.readings.map((one) => [one.applicationId, one.guard]), [
      [3, 'probes'],
    ])
  })

  test('a twin with an attempt of its own that fails leaves the probes of its cohort alone', () => {
    for (let probe = 0; probe < 40; probe++) apply(counted(outcomeOf({ applicationId: TWIN + 1 }), true))
    begin(3)
    begin(TWIN + 1)
    for (let probe = 0; probe < 7; probe++) apply(counted(failureOf({ applicationId: TWIN + 1 }), true))
    const drilled = guards.readings(TWIN + 1).filter(({ level }) => level === 'act')
    assert.deepEqual(
      drilled.map(({ guard }) => guard),
      ['probes'],
    )
    assert.equal(reading(3, 'probes')?.verdict, 'pass')
  })

  test('slow answers and unknown shapes are judged by what legacy does, where legacy shows enough', () => {
    flows(200, { side: 'rails' })
    begin(3)
    flows(6, { durationMs: 2_000, shape: 'other' })
    assert.deepEqual([reading(3, 'latency')?.verdict, reading(3, 'latency')?.cause], ['fail', 'slow'])
    assert.deepEqual([reading(3, 'shape')?.verdict, reading(3, 'shape')?.cause], ['fail', 'unknown_shape'])
    assert.equal(reading()?.failures, 0)
    begin(5)
    flows(6, { applicationId: 5, durationMs: 2_000, shape: 'other' })
    assert.deepEqual(
      guards.readings(5).map(({ guard }) => guard),
      ['failures'],
    )
  })

  test('sign-ins that are never completed fail the guard of completion', () => {
    const start = (side: 'rails' | 'iam', isComplete: boolean): OutcomeChange => ({
      ...{ kind: 'completion', environment: 'production', applicationId: 3, side, flow: 'sign_in', isComplete },
      ...{ startedAt: now, grant: `start ${now}`, caller: `caller ${now % 7}`, requestId: 'r', isProbe: false },
    })
    for (let taken = 0; taken < 300; taken++) apply(start('rails', taken % 3 !== 0))
    begin(3)
    for (let taken = 0; taken < 60; taken++) apply(start('iam', taken % 3 !== 0))
    assert.equal(reading(3, 'completion')?.level, 'quiet')
    for (let taken = 0; taken < 25; taken++) apply(start('iam', false))
    assert.deepEqual([reading(3, 'completion')?.verdict, reading(3, 'completion')?.cause], ['fail', 'incomplete'])
  })

  test('an outage of both sides holds, rolls back no application, and is forgotten afterwards', () => {
    for (const id of [3, 5, 7, 9, 11]) flows(200, { applicationId: id, side: 'rails' })
    for (const id of [3, 5, 7]) begin(id)
    for (let round = 0; round < 12; round++) {
      for (const id of [9, 11]) failures(1, { applicationId: id, side: 'rails', error: 'timed_out' })
      for (const id of [3, 5, 7]) failures(1, { applicationId: id, error: 'status_503' })
      if (round > 1) assert.equal(guards.judge([3, 5, 7]).do, 'hold')
    }
    for (const id of [3, 5, 7]) assert.notEqual(reading(id)?.verdict, 'fail')
    now += 11 * 60_000
    for (const id of [3, 5, 7]) flows(5, { applicationId: id })
    assert.equal(guards.judge([3, 5, 7]).do, 'continue')
  })

  test('more than 1 % of lost outcomes leave a guard without enough evidence, until ten minutes have passed', () => {
    begin(3)
    flows(50)
    apply({ kind: 'lost', environment: 'production', count: 1 })
    assert.equal(reading()?.verdict, 'not_enough_evidence')
    assert.match(String(reading()?.sentence), /lost/)
    now += 11 * 60_000
    flows(1)
    assert.equal(reading()?.verdict, 'pass')
  })

  test('a try that recovers a grant takes its failure back, on either side', () => {
    begin(3)
    const failed = failureOf({ at: now })
    apply(counted(failed))
    apply({ kind: 'revised', outcome: { ...failed, cause: 'success', isRecovered: true }, isProbe: false })
    assert.deepEqual([reading()?.outcomes, reading()?.failures], [1, 0])
    const onLegacy = failureOf({ at: now, side: 'rails' })
    apply(counted(onLegacy))
    apply({ kind: 'revised', outcome: { ...onLegacy, cause: 'success' }, isProbe: false })
    assert.deepEqual(guards.baselines.counts(3, now), { outcomes: 1, failures: 0 })
  })

  test('repeated, reordered and forged outcomes neither fail nor pass an application that was not moved', () => {
    begin(3)
    const failed = failureOf({ at: now })
    apply({ kind: 'revised', outcome: failed, isProbe: false })
    for (let tries = 0; tries < 50; tries++) apply({ kind: 'revised', outcome: failed, isProbe: false })
    assert.equal(reading()?.outcomes, 1)
    for (const at of [0, Number.MAX_SAFE_INTEGER]) flows(3, { side: 'rails', at })
    failures(50, { applicationId: 77 })
    assert.deepEqual(guards.readings(77), [])
    assert.ok(guards.baselines.counts(3, now).outcomes <= 6)
  })

  test('failures of one caller among several do not exclude an application', () => {
    begin(3)
    flows(4)
    failures(8, { caller: 'one' })
    assert.equal(reading()?.level, 'act')
    assert.equal(guards.judge([3]).do, 'hold')
    failures(1, { caller: 'another' })
    assert.equal(guards.judge([3]).do, 'exclude')
  })
})
