import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GuardReading } from '../guards/index.ts'
import { readPlanObject } from './plan/read-plan.ts'
import { DRAFT, type Rollout } from './rollout.ts'
import { shownEvidence } from './shown-evidence.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

function rolloutOf(
  steps: readonly object[],
  applications: readonly number[],
  excluded: readonly number[] = [],
): Rollout {
  const written = { version: 1, name: 'wave', flag: FLAG, environment: 'dev', evidence: { outcomes: 3 }, steps }
  const read = readPlanObject(written, { now: undefined, allowsShort: false })
  assert.ok('plan' in read)
  return {
    ...DRAFT,
    ...{ id: 1, version: 1, plan: read.plan, state: 'running', step: 1 },
    reached: [
      { gates: null, applications: [] },
      { gates: null, applications },
    ],
    excluded: excluded.map((id) => ({ application_id: id, guard: 'failures', cause: null, sentence: '', at: '' })),
  }
}

const reading = (applicationId: number, outcomes: number) =>
  ({ applicationId, guard: 'failures', verdict: 'pass', outcomes, failures: 0 }) as GuardReading

describe('the evidence that a step has shown', () => {
  test('counts each listed application for itself, and lists those with the fewest outcomes first', () => {
    const rollout = rolloutOf([{ applications: [1, 2, 3, 4] }], [1, 2, 3, 4], [4])
    assert.deepEqual(shownEvidence(rollout, [reading(1, 3), reading(2, 2), reading(9, 0)]), {
      ...{ applications: 3, isShared: false, enough: 1 },
      waiting: [
        { applicationId: 3, outcomes: 0, failures: 0 },
        { applicationId: 2, outcomes: 2, failures: 0 },
      ],
    })
  })

  test('counts the applications of a percentage all together', () => {
    const rollout = rolloutOf([{ percentage: 50 }], [1, 2])
    assert.equal(shownEvidence(rollout, [reading(1, 2)])?.enough, 0)
    assert.deepEqual(shownEvidence(rollout, [reading(1, 3)]), {
      ...{ applications: 2, isShared: true, enough: 2, waiting: [] },
    })
  })

  test('is undefined before the first step', () => {
    assert.equal(shownEvidence({ ...rolloutOf([{ percentage: 50 }], []), step: 0 }, []), undefined)
  })
})
