import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { runSimulations, SHORT_SIMULATIONS, simulationTables } from './simulations.ts'

/** Medians and 95th percentiles of the test without a prior over the beginning of a break, at the flip. */
const AT_THE_FLIP: ReadonlyMap<number, readonly [number, number]> = new Map([
  [1, [3, 3]],
  [0.5, [7, 18]],
  [0.3, [18, 41]],
  [0.2, [35, 87]],
  [0.1, [152, 342]],
])

describe('the simulations of the guards', () => {
  let results: ReturnType<typeof runSimulations>

  before(() => {
    results = runSimulations(SHORT_SIMULATIONS)
  })

  test('false alarms are at most as frequent as promised', (context) => {
    context.diagnostic(`\n${simulationTables(results)}`)
    for (const { runs, at100, at1000 } of results.falseAlarms) {
      for (const [alarms, alpha] of [
        [at100, 0.01],
        [at1000, 0.001],
      ] as const) {
        assert.ok(alarms / runs <= alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / runs), `${alarms} of ${runs}`)
      }
    }
  })

  test('a break at the flip is found hardly later than by a test that expects it then', () => {
    const atTheFlip = results.delays.filter(({ goodBefore }) => goodBefore === 0)
    assert.equal(atTheFlip.length, AT_THE_FLIP.size)
    for (const { broken, median, p95 } of atTheFlip) {
      const [usual, late] = AT_THE_FLIP.get(broken) ?? [0, 0]
      assert.ok(median <= usual * 1.15 && p95 <= late * 1.15, `${broken}: ${median}, ${p95}`)
    }
  })

  test('a break after 1,000 good outcomes is found', () => {
    for (const { goodBefore, median, p95 } of results.delays) {
      if (goodBefore === 1_000) assert.ok(median <= 400 && p95 <= 800, `${median}, ${p95}`)
    }
  })

  test('a rate learned from few outcomes raises no false alarm, whatever the prior, and delays little', () => {
    for (const { falseAlarms, runs, median, p95 } of results.learned) {
      assert.ok(falseAlarms / runs <= 0.001 + 3 * Math.sqrt(0.001 / runs), `${falseAlarms} of ${runs}`)
      assert.ok(median <= 25 && p95 <= 60, `${median}, ${p95}`)
    }
  })

  test('sign-ins judged in the order in which they began raise no alarm, and a broken page is seen', () => {
    const { falseAlarms, falseAlarmsAsTheyEnd, runs, p95 } = results.completion
    assert.equal(falseAlarms, 0)
    // The order matters: judged as they end, the same sign-ins look like a break.
    assert.ok(falseAlarmsAsTheyEnd > runs / 2)
    assert.ok(p95 <= 40, String(p95))
  })

  test('a minute in which both sides fail rolls no application back and holds once', () => {
    for (const { excluded, stepsBack, holds, failures } of results.outages) {
      assert.ok(failures > 500)
      assert.deepEqual({ excluded, stepsBack, holds }, { excluded: 0, stepsBack: 0, holds: 1 })
    }
  })

  test('among 5,000 applications every broken one is found and no other is rolled back', () => {
    const healthy = results.volumes.reduce((sum, one) => sum + one.healthy, 0)
    const falseRollbacks = results.volumes.reduce((sum, one) => sum + one.falseRollbacks, 0)
    assert.ok(falseRollbacks <= healthy * 0.001, `${falseRollbacks} of ${healthy}`)
    for (const { found, broken, perDay } of results.volumes) assert.equal(found, broken, `${perDay} a day`)
  })
})
