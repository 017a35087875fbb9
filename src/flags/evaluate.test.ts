import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluateFlag } from './evaluate.ts'
import { conditionOf, OFF, ON } from './gates.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const ONE = 'Authn::OauthApplication:1'
const EIGHT = 'Authn::OauthApplication:8' // bucket 6.060

test('each gate has its own reason', () => {
  const cases = [
    [{ ...OFF }, { value: false, reason: 'DEFAULT', gate: 'none' }],
    [{ ...ON }, { value: true, reason: 'STATIC', gate: 'boolean' }],
    [
      { ...OFF, actors: [EIGHT] },
      { value: true, reason: 'TARGETING_MATCH', gate: 'actor' },
    ],
    [
      { ...OFF, actors: [ONE] },
      { value: false, reason: 'DEFAULT', gate: 'none' },
    ],
    [
      { ...OFF, percentage_of_actors: 6.061 },
      { value: true, reason: 'SPLIT', gate: 'percentage_of_actors' },
    ],
    [
      { ...OFF, percentage_of_actors: 6.06 },
      { value: false, reason: 'DEFAULT', gate: 'none' },
    ],
    [
      { ...OFF, feature_groups: ['pilots'] },
      { value: true, reason: 'TARGETING_MATCH', gate: 'feature_group' },
    ],
    [
      { ...ON, opted_out: [EIGHT] },
      { value: false, reason: 'TARGETING_MATCH', gate: 'opt_out' },
    ],
  ] as const
  for (const [state, expected] of cases) {
    const context = { targetingKey: EIGHT, isMember: (group: string) => group === 'pilots' }
    assert.deepEqual(evaluateFlag(FLAG, state, context), expected, JSON.stringify(state))
  }
})

test('percentage of time depends on the draw, and is off without one', () => {
  const state = { ...OFF, percentage_of_time: 25 }
  assert.equal(evaluateFlag(FLAG, state, { targetingKey: ONE, draw: 0.249 }).value, true)
  assert.equal(evaluateFlag(FLAG, state, { targetingKey: ONE, draw: 0.25 }).value, false)
  assert.equal(evaluateFlag(FLAG, state, { targetingKey: ONE }).value, false)
})

test('without an actor only the boolean gate can match', () => {
  const nobody = { targetingKey: undefined }
  assert.equal(evaluateFlag(FLAG, { ...OFF, percentage_of_actors: 99.999, actors: [ONE] }, nobody).value, false)
  assert.equal(evaluateFlag(FLAG, ON, nobody).value, true)
})

test('a flag is on, conditional or off as in Flipper', () => {
  assert.equal(conditionOf(OFF), 'off')
  assert.equal(conditionOf(ON), 'on')
  assert.equal(conditionOf({ ...OFF, actors: [ONE] }), 'conditional')
  assert.equal(conditionOf({ ...OFF, opted_out: [ONE] }), 'conditional')
  assert.equal(conditionOf({ ...OFF, percentage_of_actors: 0.001 }), 'conditional')
  assert.equal(conditionOf({ ...OFF, percentage_of_actors: 100 }), 'on')
})
