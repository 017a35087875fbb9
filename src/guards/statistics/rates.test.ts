import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  betaQuantile,
  cohortPrior,
  DEFAULT_PRIOR,
  FailingGuards,
  meanEvidence,
  PASSING_EVIDENCE,
  passingBound,
  passingEvidence,
  suspects,
  thresholdOf,
  toleratedRate,
} from '../index.ts'

const PASSES_AFTER: Array<[number, number[]]> = [
  [0.3, [10, 19, 26]],
  [0.2, [16, 29, 40]],
  [0.1, [34, 61, 83]],
  [0.05, [70, 124, 168]],
  [0.02, [178, 314, 425]],
  [0.01, [358, 630, 853]],
]
for (const [rate, expected] of PASSES_AFTER) {
  test(`a failure rate of ${rate * 100} % is ruled out after the calculated numbers of outcomes`, () => {
    const needed = [0, 1, 2].map((failures) => {
      for (let outcomes = failures; ; outcomes++) {
        if (passingEvidence({ outcomes, failures }, rate) >= PASSING_EVIDENCE) return outcomes
      }
    })
    assert.deepEqual(needed, expected)
  })
}

test('the bound is the smallest rate that is ruled out, and there is none without outcomes', () => {
  assert.equal(passingBound({ outcomes: 0, failures: 0 }), undefined)
  assert.equal(passingBound({ outcomes: 3, failures: 3 }), undefined)
  const bound = passingBound({ outcomes: 38, failures: 0 }) ?? 0
  assert.equal(bound.toFixed(4), '0.0898')
  assert.ok(passingEvidence({ outcomes: 38, failures: 0 }, bound) >= 20)
  assert.ok(passingEvidence({ outcomes: 38, failures: 0 }, bound - 1e-5) < 20)
})

test('a bound falls with every success and rises with every failure, however many there are', () => {
  fc.assert(
    fc.property(fc.nat(5_000), fc.nat(50), (successes, failures) => {
      const bound = (good: number, bad: number) => passingBound({ outcomes: good + bad, failures: bad }) ?? 1
      assert.ok(bound(successes + 1, failures) <= bound(successes, failures))
      assert.ok(bound(successes, failures + 1) >= bound(successes, failures))
    }),
  )
  assert.ok((passingBound({ outcomes: 10_000_000, failures: 100 }) ?? 1) < 0.001)
})

const TOLERATED: Array<[number, number, string]> = [
  [0, 0, '11.5'],
  [10, 0, '9.2'],
  [50, 0, '5.7'],
  [200, 0, '3.3'],
  [200, 2, '4.7'],
  [1_000, 0, '2.3'],
  [1_000, 10, '3.6'],
]
for (const [outcomes, failures, expected] of TOLERATED) {
  test(`${failures} failures among ${outcomes} outcomes on legacy make ${expected} % tolerable`, () => {
    assert.equal((toleratedRate({ outcomes, failures }) * 100).toFixed(1), expected)
  })
}

test('the tolerated rate stays between 2 and 20 %, and at most 50 % of the sign-ins may stay incomplete', () => {
  const cohort = { a: 0, b: 200 }
  assert.equal(toleratedRate({ outcomes: 1_000, failures: 0 }, cohort), 0.02)
  assert.equal(toleratedRate({ outcomes: 100, failures: 60 }), 0.2)
  assert.equal(toleratedRate({ outcomes: 100, failures: 60 }, DEFAULT_PRIOR, 'completion'), 0.5)
})

test('the prior of a cohort has the moments of its members, within limits', () => {
  const member = (failures: number) => ({ outcomes: 200, failures })
  assert.deepEqual(cohortPrior([]), DEFAULT_PRIOR)
  assert.deepEqual(cohortPrior([member(4), { outcomes: 199, failures: 100 }]), DEFAULT_PRIOR)
  assert.deepEqual(cohortPrior([member(4), member(4)]), { a: 4, b: 196 })
  const wide = cohortPrior([member(0), member(40)])
  assert.equal((wide.a + wide.b).toFixed(6), '30.000000')
  assert.equal((wide.a / 30).toFixed(6), '0.100000')
  const between = cohortPrior([member(4), member(12), member(8)])
  assert.equal((between.a / (between.a + between.b)).toFixed(6), '0.040000')
  assert.equal((between.a + between.b).toFixed(3), '95.000')
})

test('quantiles of the Beta distribution agree with closed forms', () => {
  for (const b of [1, 30, 200, 1_031]) {
    assert.ok(Math.abs(betaQuantile(0.95, 1, b) - (1 - 0.05 ** (1 / b))) < 1e-12)
    assert.ok(Math.abs(betaQuantile(0.95, b, 1) - 0.95 ** (1 / b)) < 1e-12)
  }
  // The median of a symmetric distribution, and a value from tables of the arcsine distribution.
  assert.ok(Math.abs(betaQuantile(0.5, 300, 300) - 0.5) < 1e-12)
  assert.ok(Math.abs(betaQuantile(0.95, 0.5, 0.5) - Math.sin((Math.PI / 2) * 0.95) ** 2) < 1e-9)
})

test('all missing is seen after 9 to 11 sign-ins, and after 16 to 21 when 100 good ones came first', () => {
  const needed = (rate: number, good: number) => {
    const guards = new FailingGuards()
    const slot = guards.open(rate)
    for (let taken = 0; taken < good; taken++) guards.record(slot, false)
    for (let missing = 1; ; missing++) {
      guards.record(slot, true)
      if (guards.evidence(slot) >= thresholdOf(1)) return missing
    }
  }
  assert.deepEqual(
    [0.3, 0.35, 0.4].map((rate) => [needed(rate, 0), needed(rate, 100)]),
    [
      [9, 16],
      [10, 18],
      [11, 21],
    ],
  )
})

test('the evidence of a group is the mean of its members, and a list of suspects is limited to a share of wrong names', () => {
  assert.equal(meanEvidence([]), 1)
  assert.equal(meanEvidence([1, 2, 6]), 3)
  const members = [5, 900, 1, 45, 3].map((evidence, id) => ({ id, evidence }))
  assert.deepEqual(suspects(members), [members[1]])
  const strong = members.map((one) => ({ ...one, evidence: one.evidence * 2 }))
  assert.deepEqual(
    suspects(strong).map(({ id }) => id),
    [1, 3],
  )
})
