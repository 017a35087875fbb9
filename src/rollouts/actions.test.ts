import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OFF } from '../flags/index.ts'
import { type AskedAction, actOn } from './actions.ts'
import type { Course, PendingWrite, Rollout } from './rollout.ts'
import { exclusionChanges } from './steps.ts'
import { rolloutOf } from './testing.ts'

const ANN = { by: 'ann', role: 'operator', channel: 'cli', from: null }
const FACTS = {
  flag: { state: OFF, version: 7, effective: OFF },
  ...{ brake: { on: false }, needsSecondPerson: false, decision: 'rollout-1-6', at: '2026-11-30T12:00:00Z' },
}

function abort(rollout: Rollout, more: Partial<AskedAction> = {}): Course {
  const result = actOn(rollout, { action: 'abort', author: ANN, ...more }, FACTS)
  assert.ok('course' in result, JSON.stringify(result))
  return result.course
}

const write = (change: PendingWrite['change'], isProtective: boolean): PendingWrite => ({
  ...{ ifVersion: 7, change, isProtective, decision: 'rollout-1-5', by: undefined, reason: '' },
  outcome: { state: 'running', step: 2, applications: [3], restartsClock: true },
})
const STEP = write({ set: [{ percentage: 50, of: 'actors' }] }, false)
const EXCLUSION = write({ set: exclusionChanges([2]) }, true)

describe('an abort while a change of the flag is being carried out', () => {
  test('takes the place of the next step, and restores the flag as it was before the first', () => {
    const { pending } = abort(rolloutOf({ pending: STEP }))
    assert.deepEqual(
      [pending?.change, pending?.outcome.state, pending?.outcome.step],
      [{ restore: null }, 'aborted', 0],
    )
    assert.equal(pending?.ifVersion, 7)
  })

  test('drops the first step, so that nothing is moved', () => {
    const { state, pending } = abort(
      rolloutOf({ step: 0, reached: [{ gates: null, applications: [] }], pending: STEP }),
    )
    assert.deepEqual([state, pending], ['aborted', undefined])
  })

  test('that keeps the flag still takes a failing application back', () => {
    const { state, pending } = abort(rolloutOf({ pending: EXCLUSION }), { keep: true })
    assert.deepEqual([state, pending?.change, pending?.outcome.state], ['paused', EXCLUSION.change, 'aborted'])
  })

  test('that restores the flag keeps excluded applications out', () => {
    const excluded = [{ application_id: 2, guard: 'failures', cause: null, sentence: '', at: '' }]
    const { pending } = abort(rolloutOf({ pending: EXCLUSION, excluded }))
    const restored = { ...OFF, opted_out: ['Authn::OauthApplication:2'] }
    assert.deepEqual(pending?.change, { restore: restored })
  })
})
