import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FailingGuards, type LegacyAnswer, LegacyBaselines, LegacyWatch } from '../index.ts'

const DAY_MS = 86_400_000
const NOW = 20_000 * DAY_MS

const answer = (over: Partial<LegacyAnswer> = {}): LegacyAnswer => ({
  applicationId: 3,
  kind: 'refresh',
  isFailure: false,
  at: NOW,
  durationMs: 20,
  caller: 'a',
  shape: 's1',
  ...over,
})

function baselinesOf(...groups: Array<[number, Partial<LegacyAnswer>]>): LegacyBaselines {
  const baselines = new LegacyBaselines()
  for (const [count, over] of groups) for (let taken = 0; taken < count; taken++) baselines.learn(answer(over))
  return baselines
}

test('a baseline counts the last 1,000 outcomes, at most 28 days old', () => {
  const early = { at: NOW - 27 * DAY_MS }
  const baselines = baselinesOf([5, { at: NOW - 28 * DAY_MS }], [40, early], [10, { ...early, isFailure: true }])
  assert.deepEqual(baselines.counts(3, NOW), { outcomes: 50, failures: 10 })
  for (let taken = 0; taken < 975; taken++) baselines.learn(answer())
  assert.deepEqual(baselines.counts(3, NOW), { outcomes: 1_000, failures: 5 })
  assert.deepEqual(baselines.counts(3, NOW + DAY_MS), { outcomes: 975, failures: 0 })
  assert.deepEqual(baselines.counts(3, NOW + 40 * DAY_MS), { outcomes: 0, failures: 0 })
  assert.deepEqual(baselines.counts(4, NOW), { outcomes: 0, failures: 0 })
})

test('an answer is slow at 1.5 times the 99th percentile of its kind on legacy, and at least 100 ms beyond it', () => {
  const { latency } = baselinesOf(
    [995, { durationMs: 200 }],
    [5, { durationMs: 3_000 }],
    [100, { kind: 'introspect', durationMs: 4 }],
    [10, { kind: 'userinfo' }],
  ).baseline(3, NOW)
  const { refresh = 0, introspect = 0, userinfo } = latency.limits
  assert.ok(refresh >= 300 && refresh <= 350, String(refresh))
  assert.ok(introspect >= 104 && introspect <= 106, String(introspect))
  assert.equal(userinfo, undefined)
  assert.deepEqual([latency.outcomes, latency.failures], [1_100, 5])
})

test('shapes are known after 50 answers of a kind, and the share seen once counts as what legacy itself fails', () => {
  const baselines = baselinesOf([60, {}], [1, { shape: 's2' }], [49, { kind: 'device' }])
  const { shape } = baselines.baseline(3, NOW)
  assert.deepEqual(shape, { outcomes: 61, failures: 1, known: { refresh: ['s1', 's2'] } })
})

test('an application whose answers come in too many shapes is not judged by shape', () => {
  const baselines = baselinesOf([60, {}])
  for (let taken = 0; taken < 20; taken++) baselines.learn(answer({ shape: `odd ${taken}` }))
  assert.deepEqual(baselines.baseline(3, NOW).shape.known, {})
})

test('starts have counts of their own, and a second caller is noticed', () => {
  const baselines = new LegacyBaselines()
  const start = { applicationId: 3, at: NOW, caller: 'a' }
  for (const isComplete of [true, true, false]) baselines.learnStart({ ...start, isComplete })
  assert.deepEqual(baselines.baseline(3, NOW).completion, { outcomes: 3, failures: 1 })
  assert.equal(baselines.baseline(3, NOW).hasSeveralCallers, false)
  baselines.learnStart({ ...start, caller: 'b', isComplete: true })
  assert.equal(baselines.baseline(3, NOW).hasSeveralCallers, true)
})

test('stored counts lead to the same baseline, and an application that was forgotten has none', () => {
  const baselines = baselinesOf(
    [200, {}],
    [3, { isFailure: true, at: NOW - 2 * DAY_MS }],
    [70, { kind: 'userinfo', durationMs: 400, caller: 'b', shape: 's9' }],
  )
  baselines.learnStart({ applicationId: 3, at: NOW, caller: 'c', isComplete: false })
  const again = new LegacyBaselines()
  again.load(3, JSON.parse(JSON.stringify(baselines.save(3))))
  assert.deepEqual(again.baseline(3, NOW), baselines.baseline(3, NOW))
  assert.deepEqual(again.save(3), baselines.save(3))
  again.forget(3)
  assert.equal(again.save(3), undefined)
})

test('a busy application keeps the share of its failures when its counters are full', () => {
  const { failures } = baselinesOf([70_000, {}]).baseline(3, NOW)
  assert.deepEqual(failures, { outcomes: 1_000, failures: 0 })
})

test('legacy fails as long as a guard of that scope and cause stood at 20 or more within the last 10 minutes', () => {
  const watch = new LegacyWatch(new FailingGuards())
  for (let second = 0; second < 600; second++) watch.record('cohort', undefined, second * 1_000)
  for (let second = 600; second < 606; second++) watch.record('cohort', 'invalid_client', second * 1_000)
  assert.equal(watch.isFailing('cohort', 'invalid_client', 606_000), true)
  assert.equal(watch.isFailing('cohort', 'unavailable', 606_000), false)
  assert.equal(watch.isFailing('another cohort', 'invalid_client', 606_000), false)
  for (let second = 606; second < 1_300; second++) watch.record('cohort', undefined, second * 1_000)
  assert.equal(watch.isFailing('cohort', 'invalid_client', 1_300_000), false)
})

test('an outage on legacy does not become what is normal there', () => {
  const watch = new LegacyWatch(new FailingGuards())
  const minute = (number: number, cause: string | undefined) => {
    for (let second = 0; second < 60; second++) watch.record('all', cause, (number * 60 + second) * 1_000)
  }
  for (let number = 0; number < 30; number++) minute(number, undefined)
  for (let number = 30; number < 35; number++) minute(number, 'unavailable')
  for (let number = 35; number < 60; number++) minute(number, undefined)
  assert.equal(watch.isFailing('all', 'unavailable', 60 * 60_000), false)
  for (let failure = 0; failure < 4; failure++) watch.record('all', 'unavailable', 60 * 60_000 + failure)
  assert.equal(watch.isFailing('all', 'unavailable', 60 * 60_000 + 4), true)
})
