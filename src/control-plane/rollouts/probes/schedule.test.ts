import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createProbeBudget, FRESH_MS, nextRunAt } from './schedule.ts'

const MINUTE = 60_000

describe('the schedule of a twin', () => {
  test('begins with the first move', () => {
    assert.equal(nextRunAt({ ranAt: undefined, movedAt: undefined }, 5), Number.POSITIVE_INFINITY)
    assert.equal(nextRunAt({ ranAt: undefined, movedAt: 5 }, 5), 5)
  })

  test('runs at once after a move, then every minute for half an hour', () => {
    const movedAt = 100 * MINUTE
    assert.equal(nextRunAt({ ranAt: movedAt - 1, movedAt }, movedAt), movedAt)
    let now = movedAt
    let runs = 0
    for (let ranAt = movedAt; now < movedAt + 60 * MINUTE; ranAt = now) {
      now = nextRunAt({ ranAt, movedAt }, ranAt)
      if (now <= movedAt + FRESH_MS) runs++
    }
    assert.equal(runs, 30)
    const ranAt = movedAt + FRESH_MS
    assert.equal(nextRunAt({ ranAt, movedAt }, ranAt), ranAt + 10 * MINUTE)
  })
})

describe('the budget of probes', () => {
  test('allows 1 % of what IAM can serve over any period, and one run more', () => {
    const run = fc.record({ requests: fc.integer({ min: 1, max: 60 }), gapMs: fc.integer({ min: 0, max: 120_000 }) })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.array(run, { maxLength: 200 }), (capacity, runs) => {
        const budget = createProbeBudget(capacity)
        let now = 0
        let spent = 0
        for (const { requests, gapMs } of runs) {
          now += gapMs
          if (!budget.mayStart(now)) continue
          budget.spend(requests, now)
          spent += requests
          assert.ok(spent - requests <= (capacity / 100) * (now / 1_000) + 1e-6)
        }
      }),
    )
  })
})
