import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FailingGuards } from '../index.ts'

const guards = new FailingGuards()

/** A guard of its own, fed with a stream. */
function guardOf(toleratedRate: number, stream: Iterable<boolean> = []) {
  const slot = guards.open(toleratedRate)
  for (const isFailure of stream) guards.record(slot, isFailure)
  return {
    record: (isFailure: boolean) => guards.record(slot, isFailure),
    evidence: () => guards.evidence(slot),
  }
}

const goodOnes = (count: number) => Array.from({ length: count }, () => false)

/** How many outcomes, of which the first and every `every`th fail, it takes to reach a threshold after `good` successes. */
function outcomesUntil(threshold: number, rate: number, good: number, every: number): number {
  const guard = guardOf(rate, goodOnes(good))
  for (let taken = 1; ; taken++) {
    guard.record((taken - 1) % every === 0)
    if (guard.evidence() >= threshold) return taken
  }
}

const GOOD_BEFORE = [0, 10, 50, 100, 300, 1_000, 10_000]
const FAILURES_IN_A_ROW: Array<[number, number, number[]]> = [
  [1_000, 0.02, [3, 4, 5, 5, 5, 6, 7]],
  [1_000, 0.03, [3, 5, 5, 6, 6, 7, 7]],
  [1_000, 0.05, [4, 5, 6, 6, 7, 8, 9]],
  [1_000, 0.1, [5, 7, 8, 8, 9, 10, 11]],
  [1_000, 0.2, [6, 10, 11, 12, 13, 14, 16]],
  [100, 0.03, [2, 4, 5, 5, 5, 6, 7]],
]
for (const [threshold, rate, expected] of FAILURES_IN_A_ROW) {
  test(`at a tolerated rate of ${rate * 100} %, failures in a row reach ${threshold} after the calculated number`, () => {
    assert.deepEqual(
      GOOD_BEFORE.map((good) => outcomesUntil(threshold, rate, good, 1)),
      expected,
    )
  })
}

test('a mixed stream reaches 100 and 1,000 after the calculated number of outcomes', () => {
  const reached = (good: number) =>
    [2, 3, 5, 10].map((every) => [100, 1_000].map((threshold) => outcomesUntil(threshold, 0.03, good, every)))
  assert.deepEqual(reached(0), [
    [5, 7],
    [10, 13],
    [21, 36],
    [111, 151],
  ])
  assert.deepEqual(reached(1_000), [
    [15, 17],
    [28, 34],
    [66, 81],
    [281, 321],
  ])
})

test('the threshold doubles with each attempt, which costs at most one more failure', () => {
  const needed = [0, 1, 2, 3, 4, 5].map((earlier) => outcomesUntil(1_000 * 2 ** earlier, 0.03, 0, 1))
  assert.deepEqual(needed, [3, 3, 4, 4, 4, 4])
})

test('the expected evidence after one more outcome never exceeds the present evidence', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 300 }),
      fc.double({ min: 0.02, max: 0.5, noNaN: true }),
      (stream, rate) => {
        const present = guardOf(rate, stream).evidence()
        const failed = guardOf(rate, [...stream, true]).evidence()
        const succeeded = guardOf(rate, [...stream, false]).evidence()
        assert.ok(rate * failed + (1 - rate) * succeeded <= present * (1 + 1e-9))
      },
    ),
  )
})

test('one more failure never lowers the evidence, neither at the end nor in place of a success', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 300 }),
      fc.nat(),
      fc.double({ min: 0.02, max: 0.5, noNaN: true }),
      (stream, position, rate) => {
        const before = guardOf(rate, stream).evidence()
        assert.ok(guardOf(rate, [...stream, true]).evidence() >= before)
        assert.ok(guardOf(rate, stream.with(position % stream.length, true)).evidence() >= before)
      },
    ),
  )
})

test('a guard starts at 1, and its evidence stays finite and positive whatever happens', () => {
  const guard = guardOf(0.02)
  assert.equal(guard.evidence(), 1)
  for (let taken = 0; taken < 10_000; taken++) guard.record(true)
  assert.ok(Number.isFinite(guard.evidence()))
  for (let taken = 0; taken < 100_000; taken++) guard.record(false)
  assert.ok(guard.evidence() > 0)
})

test('a saved guard continues in another slot as if nothing had happened, and slots do not touch each other', () => {
  const slots = Array.from({ length: 5_000 }, () => guards.open(0.03))
  for (const slot of slots) guards.record(slot, slot % 2 === 0)
  const saved = JSON.parse(JSON.stringify(guards.save(slots[4_200] as number)))
  guards.close(slots[4_200] as number)
  const again = guards.open(0.2)
  assert.equal(again, slots[4_200])
  assert.equal(guards.evidence(again), 1)
  guards.load(again, saved)
  assert.equal(guards.evidence(again), guards.evidence(slots[0] as number))
  assert.equal(guards.toleratedRate(again), 0.03)
  assert.equal(guards.outcomes(again), 1)
})

test('a tolerated rate outside (0, 1) is rejected', () => {
  for (const rate of [0, 1, Number.NaN]) assert.throws(() => new FailingGuards().open(rate), RangeError)
})
