import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { movementsOf } from './movements.ts'

const HOUR = 3_600_000
const step = (number: number, applications: number[], begins: number | null, share: number | null = 0.25) => ({
  ...{ number, moves: `${number * 10} %`, applications, traffic_share: share, flows_at_risk: 0 },
  ...{ load: { average_per_second: 0, peak_per_second: 0 }, begins_after_ms: begins },
  ...{ evidence_after_ms: 0, lasts_ms: HOUR, stalls: [], waits_for: [] },
})

describe('what a plan moves over time', () => {
  test('adds up the steps, as shares of all applications and of the traffic', () => {
    const steps = [step(1, [1], 0), step(2, [2, 3], HOUR)]
    const { movements, until } = movementsOf({ steps, applications: 4, lasts_ms: 3 * HOUR })
    assert.deepEqual(
      movements.map(({ after, applications, traffic }) => [after, applications, traffic]),
      [
        [0, 0.25, 0.25],
        [HOUR, 0.75, 0.5],
      ],
    )
    assert.equal(until, 3 * HOUR)
  })

  test('ends where a step never begins, and knows no traffic where none is known', () => {
    const steps = [step(1, [1], 0, null), step(2, [2], HOUR), step(3, [3], null)]
    const { movements, until } = movementsOf({ steps, applications: 4, lasts_ms: null })
    assert.deepEqual(
      movements.map(({ traffic }) => traffic),
      [null, null],
    )
    assert.equal(until, 1.25 * HOUR)
  })
})
