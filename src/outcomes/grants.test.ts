import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { FlowOutcome } from './flow-outcome.ts'
import { GrantOutcomes, TRIES_MS } from './grants.ts'
import { OUTCOME_CAUSES, type OutcomeCause } from './vocabulary.ts'

const START = 1_800_000_000_000

function outcome(cause: OutcomeCause, after: number, grant = 'aa'.repeat(16)): FlowOutcome {
  return {
    ...{ environment: 'production', applicationId: 1, side: 'iam', kind: 'refresh', cause, grant },
    ...{ error: cause === 'success' ? undefined : cause, at: START + after, durationMs: 1, caller: 'c' },
    ...{ requestId: `${cause}-${after}`, isRecovered: false, shape: undefined },
  }
}

describe('tries of one grant', () => {
  test('a retry storm of 500 tries counts once', () => {
    const grants = new GrantOutcomes(1_024)
    const changes = Array.from({ length: 500 }, (_, number) => grants.take(outcome('server', number * 1_000)))
    assert.deepEqual(
      changes.filter((change) => change !== undefined).map(({ kind }) => kind),
      ['counted'],
    )
  })

  test('a success within 30 seconds revises a failure that was counted at once', () => {
    const grants = new GrantOutcomes(1_024)
    assert.equal(grants.take(outcome('server', 0))?.kind, 'counted')
    const change = grants.take(outcome('success', TRIES_MS))
    assert.ok(change?.kind === 'revised')
    assert.deepEqual([change.previous.cause, change.outcome.cause], ['server', 'success'])
    assert.deepEqual([change.outcome.isRecovered, change.outcome.at], [true, START])
    assert.equal(grants.take(outcome('server', TRIES_MS - 1)), undefined)
  })

  test('a success after 30 seconds is an outcome of its own, and the failure stays', () => {
    const grants = new GrantOutcomes(1_024)
    grants.take(outcome('server', 0))
    const change = grants.take(outcome('success', TRIES_MS + 1))
    assert.deepEqual([change?.kind, change?.outcome.isRecovered], ['counted', false])
  })

  test('the worst of several failures counts', () => {
    const grants = new GrantOutcomes(1_024)
    grants.take(outcome('client', 0))
    const change = grants.take(outcome('server', 5))
    assert.deepEqual([change?.kind, change?.outcome.cause], ['revised', 'server'])
    assert.equal(grants.take(outcome('user', 6)), undefined)
  })

  test('a credential that is used again after 30 seconds is a new grant each time it succeeds', () => {
    const grants = new GrantOutcomes(1_024)
    assert.equal(grants.take(outcome('success', 0))?.kind, 'counted')
    assert.equal(grants.take(outcome('success', 10_000)), undefined)
    assert.equal(grants.take(outcome('success', 60_000))?.kind, 'counted')
    assert.equal(grants.take(outcome('server', 120_000))?.kind, 'counted')
  })

  test('a failed grant is forgotten an hour after its last try', () => {
    const grants = new GrantOutcomes(1_024)
    grants.take(outcome('server', 0))
    grants.forget(START + 3_500_000)
    assert.equal(grants.take(outcome('server', 3_500_000)), undefined)
    grants.forget(START + 7_200_000)
    assert.equal(grants.take(outcome('server', 7_200_000))?.kind, 'counted')
  })

  test('the order of tries within 30 seconds does not change the cause', () => {
    const tries = fc.array(fc.record({ cause: fc.constantFrom(...OUTCOME_CAUSES), after: fc.nat(14_000) }), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(tries, fc.infiniteStream(fc.nat()), (all, order) => {
        const causeOf = (list: typeof all) => {
          const grants = new GrantOutcomes(1_024)
          let counted = 0
          let cause: OutcomeCause | undefined
          for (const { cause: one, after } of list) {
            const change = grants.take(outcome(one, after))
            if (change?.kind === 'counted') counted++
            cause = change?.outcome.cause ?? cause
          }
          return { counted, cause }
        }
        const keys = all.map(() => order.next().value ?? 0)
        const shuffled = all.map((one, at) => [keys[at] ?? 0, one] as const).sort((a, b) => a[0] - b[0])
        assert.deepEqual(causeOf(shuffled.map(([, one]) => one)), causeOf(all))
        assert.equal(causeOf(all).counted, 1)
      }),
      { numRuns: 200, seed: 7 },
    )
  })

  test('different grants do not disturb each other', () => {
    const outcomes = new GrantOutcomes(1 << 19)
    const grants = Array.from({ length: 20_000 }, (_, number) => number.toString(16).padStart(32, '0'))
    const counted = grants.filter((grant) => outcomes.take(outcome('success', 0, grant))?.kind === 'counted')
    assert.equal(counted.length, grants.length)
  })
})
