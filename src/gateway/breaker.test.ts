import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  afterOutcome,
  afterSending,
  type BreakerOutcome,
  type BreakerState,
  CLOSED,
  DEFAULT_BREAKER,
  mayTry,
} from './breaker.ts'

const policy = DEFAULT_BREAKER

function run(state: BreakerState, outcomes: readonly BreakerOutcome[], now: number): BreakerState {
  let next = state
  for (const outcome of outcomes) next = afterOutcome(afterSending(next, now), outcome, now, policy, 0.5)
  return next
}
const failures = (count: number): BreakerOutcome[] => new Array(count).fill('failure')

function openState(): Extract<BreakerState, { phase: 'open' }> {
  const state = run(CLOSED, failures(policy.consecutiveFailures), 0)
  assert.equal(state.phase, 'open')
  return state as Extract<BreakerState, { phase: 'open' }>
}

test('a circuit opens after the given number of failures in a row', () => {
  assert.equal(run(CLOSED, failures(policy.consecutiveFailures - 1), 0).phase, 'closed')
  assert.equal(run(CLOSED, failures(policy.consecutiveFailures), 0).phase, 'open')
})

test('a success between failures starts the row anew', () => {
  const almost = failures(policy.consecutiveFailures - 1)
  assert.equal(run(CLOSED, [...almost, 'success', ...almost], 0).phase, 'closed')
})

test('half of enough outcomes failing opens it, though never in a row', () => {
  const mixed: BreakerOutcome[] = []
  for (let i = 0; i < policy.windowMinimum / 2; i++) mixed.push('success', 'failure')
  assert.equal(run(CLOSED, mixed.slice(0, -2), 0).phase, 'closed')
  assert.equal(run(CLOSED, mixed, 0).phase, 'open')
})

test('failures of an earlier window do not count towards the ratio', () => {
  const mixed: BreakerOutcome[] = []
  for (let i = 0; i < policy.windowMinimum / 2 - 1; i++) mixed.push('success', 'failure')
  const later = run(run(CLOSED, mixed, 0), ['success', 'failure', 'success', 'failure'], policy.windowMs + 1)
  assert.equal(later.phase, 'closed')
})

test('an open circuit refuses until its period is over, then lets probes through, no more than allowed', () => {
  const open = openState()
  assert.equal(mayTry(open, open.until - 1, policy), false)
  assert.equal(mayTry(open, open.until, policy), true)
  let state = afterSending(open, open.until)
  assert.equal(state.phase, 'half_open')
  for (let i = 1; i < policy.probes; i++) state = afterSending(state, open.until)
  assert.equal(mayTry(state, open.until, policy), false)
})

test('enough good probes close it, and what was counted before is forgotten', () => {
  const open = openState()
  const closed = run(open, new Array(policy.successesToClose).fill('success'), open.until)
  assert.deepEqual(closed, { ...CLOSED, windowFrom: open.until })
})

test('a bad probe opens it again for twice as long, up to the limit', () => {
  let state: BreakerState = openState()
  let period = policy.openMs
  for (let i = 0; i < 12; i++) {
    assert.equal(state.phase, 'open')
    const at: number = (state as Extract<BreakerState, { phase: 'open' }>).until
    state = run(state, ['failure'], at)
    period = Math.min(policy.openMaxMs, period * 2)
    assert.equal((state as Extract<BreakerState, { phase: 'open' }>).until - at, period)
  }
})

test('a probe whose client went away frees its place', () => {
  const open = openState()
  const state = run(open, ['neither'], open.until)
  assert.equal(state.phase === 'half_open' && state.underWay, 0)
})

test('probes that never come back are given up in the end', () => {
  const open = openState()
  let state = open as BreakerState
  for (let i = 0; i < policy.probes; i++) state = afterSending(state, open.until)
  assert.equal(mayTry(state, open.until + 1_000, policy), false)
  assert.equal(mayTry(state, open.until + 60_000, policy), true)
})

test('the open period is spread so that gateways do not probe in step', () => {
  const at = (random: number) => {
    let state: BreakerState = CLOSED
    for (let i = 0; i < policy.consecutiveFailures; i++) state = afterOutcome(state, 'failure', 0, policy, random)
    return (state as Extract<BreakerState, { phase: 'open' }>).until
  }
  assert.deepEqual([at(0), at(1)], [policy.openMs * 0.75, policy.openMs * 1.25])
})

test('outcomes of requests sent before it opened change nothing while it is open', () => {
  const open = openState()
  assert.equal(afterOutcome(open, 'success', 0, policy, 0.5), open)
})
