import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  causeClass,
  type GuardReading,
  type JudgedApplication,
  judge,
  levelOf,
  type Situation,
  thresholdOf,
} from './index.ts'

const NOW = 1_000_000_000

function readingOf(applicationId: number, over: Partial<GuardReading> = {}): GuardReading {
  const evidence = over.evidence ?? 5_000
  return {
    ...{ applicationId, guard: 'failures', verdict: evidence >= 1_000 ? 'fail' : 'not_enough_evidence', evidence },
    ...{ threshold: 1_000, outcomes: 20, failures: 4, toleratedRate: 0.03, bound: undefined },
    ...{ level: levelOf(evidence, 1_000), cause: 'invalid_client', requestIds: ['r'], grants: 4, callers: 2 },
    ...{ knownCallers: 3, attempt: 1, sentence: 'Failed.' },
    ...over,
  }
}

function applicationOf(id: number, over: Partial<JudgedApplication> & { reading?: Partial<GuardReading> } = {}) {
  const { reading, ...rest } = over
  const readings = reading === undefined ? [] : [readingOf(id, reading)]
  const evidence = readings[0]?.guard === 'failures' ? readings[0].evidence : 1
  const suspectAt = reading === undefined ? undefined : NOW - 1_000
  return {
    applicationId: id,
    cohort: 'web',
    isMoved: true,
    flows: 20,
    evidence,
    readings,
    suspectAt,
    excuse: undefined,
    ...rest,
  }
}

const quiet = (count: number, cohort = 'web') =>
  Array.from({ length: count }, (_, index) => applicationOf(1_000 + index, { cohort }))

const situation = (applications: readonly JudgedApplication[], over: Partial<Situation> = {}): Situation => ({
  now: NOW,
  applications,
  isLegacyFailing: () => false,
  ...over,
})

test('without suspects a rollout continues', () => {
  assert.deepEqual(judge(situation(quiet(5))), { do: 'continue' })
  assert.deepEqual(judge(situation([])), { do: 'continue' })
})

test('applications that fail longer ago than the plan counts as one fault are excluded one by one', () => {
  const pair = [1, 2].map((id) => applicationOf(id, { reading: {} }))
  const earlier = pair.map((one, index) => (index === 0 ? { ...one, suspectAt: NOW - 60_000 } : one))
  assert.equal(judge(situation([...quiet(10), ...earlier])).do, 'step_back')
  assert.equal(judge(situation([...quiet(10), ...earlier], { togetherMs: 59_000 })).do, 'exclude')
  assert.equal(judge(situation([...quiet(10), ...pair], { togetherMs: 59_000 })).do, 'step_back')
})

test('a suspect below 100 leaves the judgement open, and one from 100 on holds the rollout', () => {
  assert.equal(judge(situation([...quiet(20), applicationOf(7, { reading: { evidence: 99 } })])).do, 'continue')
  assert.equal(judge(situation([...quiet(20), applicationOf(7, { reading: { evidence: 100 } })])).do, 'hold')
})

test('one application at its threshold is excluded, also when it is the only one that moved', () => {
  const broken = applicationOf(7, { reading: {} })
  assert.deepEqual(judge(situation([...quiet(20), broken])), { do: 'exclude', readings: broken.readings })
  assert.equal(judge(situation([broken])).do, 'exclude')
})

test('an application is not excluded for failures of two grants, nor for those of one of its several callers', () => {
  for (const reading of [{ grants: 2 }, { callers: 1, knownCallers: 2 }]) {
    const judgement = judge(situation([...quiet(20), applicationOf(7, { reading })]))
    assert.equal(judgement.do, 'hold')
  }
  const onlyCaller = applicationOf(7, { reading: { callers: 1, knownCallers: 1 } })
  assert.equal(judge(situation([...quiet(20), onlyCaller])).do, 'exclude')
})

test('legacy that fails for the same cause holds the rollout, and no application is rolled back', () => {
  const broken = [1, 2, 3, 4].map((id) => applicationOf(id, { reading: { cause: 'status_503' } }))
  for (const scopes of ['own', 'cohort', 'all']) {
    const judgement = judge(
      situation([...quiet(20), ...broken], {
        isLegacyFailing: (scope, cause) => {
          const name = scope === 'all' ? 'all' : 'cohort' in scope ? 'cohort' : 'own'
          return name === scopes && cause === 'unavailable'
        },
      }),
    )
    assert.equal(judgement.do, 'hold')
    assert.match((judgement as { sentence: string }).sentence, /Legacy fails with unavailable too \(1, 2, 3, 4\)/)
  }
})

test('failures that legacy excused hold the rollout until 10 minutes after the last of them', () => {
  const excused = (at: number) => applicationOf(7, { excuse: { cause: 'unavailable', at } })
  assert.equal(judge(situation([...quiet(20), excused(NOW - 600_000)])).do, 'hold')
  assert.equal(judge(situation([...quiet(20), excused(NOW - 600_001)])).do, 'continue')
  const broken = applicationOf(8, { reading: {} })
  assert.equal(judge(situation([...quiet(20), excused(NOW), broken])).do, 'exclude')
})

test('legacy that fails for another cause, or for another client, excuses no application', () => {
  const broken = applicationOf(7, { reading: {} })
  const other = { isLegacyFailing: (_: unknown, cause: string) => cause === 'unavailable' }
  assert.equal(judge(situation([...quiet(20), broken], other)).do, 'exclude')
  const elsewhere = { isLegacyFailing: (scope: unknown) => scope === 'all' }
  assert.equal(judge(situation([...quiet(20), broken], elsewhere)).do, 'exclude')
})

test('three applications that fail for one cause are a fault of their cohort, or of the step', () => {
  const suspect = { reading: { evidence: 25, cause: 'invalid_scope' } }
  const cohort = [1, 2, 3].map((id) => applicationOf(id, { ...suspect, cohort: 'machine' }))
  const more = applicationOf(9, { cohort: 'machine' })
  const judgement = judge(situation([...quiet(50), ...cohort, more]))
  assert.deepEqual(
    { ...judgement, sentence: '' },
    { do: 'step_back', scope: 'cohort', applications: [1, 2, 3, 9], sentence: '' },
  )
  const mixed = [1, 2, 3].map((id) => applicationOf(id, { ...suspect, cohort: `cohort ${id}` }))
  const wide = judge(situation([...quiet(50), ...mixed]))
  assert.equal(wide.do === 'step_back' && wide.scope, 'step')
  assert.equal(wide.do === 'step_back' && wide.applications.length, 53)
})

test('three applications that fail for three causes are judged one by one', () => {
  const causes = ['invalid_client', 'invalid_scope', 'invalid_grant']
  const broken = causes.map((cause, index) => applicationOf(index + 1, { reading: { cause } }))
  const judgement = judge(situation([...quiet(20), ...broken]))
  assert.equal(judgement.do === 'exclude' && judgement.readings.length, 3)
})

test('of few moved applications two suspects are a tenth, and those excluded lately still count', () => {
  const two = [1, 2].map((id) => applicationOf(id, { reading: { evidence: 30 } }))
  assert.equal(judge(situation([...quiet(5), ...two])).do, 'step_back')
  assert.equal(judge(situation([...quiet(25), ...two])).do, 'continue')
  const excluded = [3, 4].map((id) => applicationOf(id, { isMoved: false, reading: {} }))
  const third = applicationOf(1, { reading: { evidence: 30 } })
  assert.equal(judge(situation([...quiet(40), ...excluded, third])).do, 'step_back')
  assert.equal(judge(situation([...quiet(40), ...excluded])).do, 'continue')
})

test('evidence older than 10 minutes no longer counts', () => {
  const old = [1, 2, 3].map((id) => applicationOf(id, { suspectAt: NOW - 600_001, reading: { evidence: 50 } }))
  assert.deepEqual(judge(situation([...quiet(10), ...old])), { do: 'continue' })
})

test('the mean evidence of a cohort or of all steps back from 10,000 on, unless it is the evidence of one', () => {
  const pair = ['invalid_client', 'invalid_scope'].map((cause, index) =>
    applicationOf(index + 1, { cohort: 'machine', reading: { cause, evidence: 12_000 } }),
  )
  const judgement = judge(situation([...quiet(30), ...pair]))
  assert.deepEqual(judgement.do === 'step_back' && judgement.applications, [1, 2])
  const apart = pair.map((one, index) => ({ ...one, cohort: `cohort ${index}`, evidence: 1e6 }))
  const wide = judge(situation([...quiet(30), ...apart]))
  assert.equal(wide.do === 'step_back' && wide.scope, 'step')
  const one = applicationOf(1, { cohort: 'machine', reading: { evidence: 1e9 } })
  assert.equal(judge(situation([...quiet(30), one])).do, 'exclude')
})

test('probes exclude an application that has hardly any flows of its own', () => {
  const reading = { guard: 'probes', callers: 1 } as const
  const idle = applicationOf(7, { flows: 0, reading })
  assert.equal(judge(situation([...quiet(20), idle])).do, 'exclude')
  const busy = applicationOf(7, { flows: 10, reading })
  assert.equal(judge(situation([...quiet(20), busy])).do, 'continue')
})

test('the strongest guard in proportion to its threshold speaks for an application', () => {
  const application = {
    ...applicationOf(7),
    suspectAt: NOW,
    readings: [
      readingOf(7, { evidence: 30 }),
      readingOf(7, { guard: 'completion', cause: 'incomplete', evidence: 2_000 }),
    ],
  }
  const judgement = judge(situation([...quiet(20), application]))
  assert.equal(judgement.do === 'exclude' && judgement.readings[0]?.guard, 'completion')
})

test('all signs of an outage are one class of causes, and every OAuth error is its own', () => {
  const outage = ['status_500', 'status_503', 'timed_out', 'cut_off', 'unreachable', 'server_error']
  assert.deepEqual(new Set(outage.map(causeClass)), new Set(['unavailable']))
  assert.equal(causeClass('invalid_grant'), 'invalid_grant')
  assert.equal(causeClass('status_404'), 'status_404')
})

test('the threshold doubles with each attempt and stays readable', () => {
  assert.deepEqual([1, 2, 3, 6].map(thresholdOf), [1_000, 2_000, 4_000, 32_000])
  assert.ok(Number.isSafeInteger(thresholdOf(5_000)))
})
