import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GuardReading } from '../../guards/index.ts'
import { evidenceGap } from './evidence.ts'

const listed = { kind: 'applications', applications: [1, 2] } as const
const share = { kind: 'percentage', percentage: 10 } as const
const ON_LEGACY = 'Not enough evidence: moved, but all of its flows still run on credentials of rails.'

const reading = (applicationId: number, outcomes: number, more: Partial<GuardReading> = {}) =>
  ({
    ...{ applicationId, guard: 'failures', verdict: 'not_enough_evidence', outcomes, failures: 0, sentence: '' },
    ...more,
  }) as GuardReading
const probed = (applicationId: number) => reading(applicationId, 40, { guard: 'probes', verdict: 'pass' })
const step = (moves: typeof listed | typeof share, passOnProbes = false) => ({
  ...{ moves, passOnProbes, evidence: { outcomes: 10 } },
})
const missing = (...of: Parameters<typeof evidenceGap>) => evidenceGap(...of).outcomesMissing

describe('what a step must have shown', () => {
  test('each listed application must show it, and a percentage all together', () => {
    const readings = [reading(1, 12), reading(2, 4)]
    assert.equal(missing(step(listed), [1, 2], readings), 6)
    assert.equal(missing(step(share), [1, 2], readings), 0)
    assert.equal(missing(step(share), [1, 2], []), 10)
  })

  test('probes count only where the plan says so, and only for an application without a flow on IAM', () => {
    const readings = [reading(1, 12), reading(2, 0), probed(2)]
    assert.equal(missing(step(listed), [1, 2], readings), 10)
    assert.equal(missing(step(listed, true), [1, 2], readings), 0)
    assert.equal(missing(step(listed, true), [1, 2], [reading(1, 12), reading(2, 3), probed(2)]), 7)
    assert.equal(missing(step(share, true), [1, 2], [probed(1)]), 10)
    assert.equal(missing(step(share, true), [1, 2], [probed(1), probed(2)]), 0)
  })

  test('says how many outcomes it needs', () => {
    const needing = (outcomes: number) => evidenceGap({ ...step(listed), evidence: { outcomes } }, [2], []).sentences
    assert.deepEqual(needing(1), ['not enough evidence: application 2 has shown no outcome, and 1 is needed'])
    assert.deepEqual(needing(2), ['not enough evidence: application 2 has shown no outcome, and 2 are needed'])
  })

  test('says that an application only uses credentials of legacy', () => {
    const { sentences } = evidenceGap(step(listed), [2], [reading(2, 0, { sentence: ON_LEGACY })])
    assert.deepEqual(sentences, [
      'not enough evidence: application 2 has shown no outcome ' +
        '(moved, but all of its flows still run on credentials of rails), and 10 are needed',
    ])
  })
})
