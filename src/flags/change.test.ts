import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyChange, type FlagChange } from './change.ts'
import { evaluateFlag } from './evaluate.ts'
import { type FlagState, OFF, ON } from './gates.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const ROUTING = { routes: true }
const A = 'Authn::OauthApplication:1'
const B = 'Authn::OauthApplication:2'
const BUSY: FlagState = { ...OFF, actors: [A], percentage_of_actors: 25, feature_groups: ['pilots'], opted_out: [B] }

function after(state: FlagState, ...changes: FlagChange[]): FlagState {
  let current = state
  for (const change of changes) {
    const result = applyChange(FLAG, current, change, ROUTING)
    assert.ok('state' in result, 'refused' in result ? result.refused : '')
    current = result.state
  }
  return current
}

function refusal(state: FlagState, change: FlagChange, rules = ROUTING): string {
  const result = applyChange(FLAG, state, change, rules)
  assert.ok('refused' in result, 'was not refused')
  return result.refused
}

test('true clears the other gates and keeps opt-outs', () => {
  assert.deepEqual(after(BUSY, { set: true }), { ...ON, opted_out: [B] })
})

test('false clears everything', () => {
  assert.deepEqual(after(BUSY, { set: false }), OFF)
})

test('an actor is added and removed without touching anything else', () => {
  const target = { kind: 'actor', id: B } as const
  const state = { ...BUSY, opted_out: [] }
  assert.deepEqual(after(state, { set: true, target }), { ...state, actors: [A, B] })
  assert.deepEqual(after(state, { set: true, target }, { set: false, target }), state)
  assert.deepEqual(after(ON, { set: false, target }), ON)
})

test('a feature group is added and removed', () => {
  const target = { kind: 'feature_group', name: 'staff' } as const
  assert.deepEqual(after(OFF, { set: true, target }).feature_groups, ['staff'])
  assert.deepEqual(after(OFF, { set: true, target }, { set: false, target }), OFF)
})

test('a percentage is refused on a fully-on flag, with the words of Flipper', () => {
  assert.equal(
    refusal(ON, { percentage: 5, of: 'actors' }),
    'Cannot enable percentage of actors for a fully-enabled flag',
  )
  assert.equal(
    refusal(ON, { percentage: 5, of: 'time' }, { routes: false }),
    'Cannot enable percentage of time for a fully-enabled flag',
  )
})

test('percentage of time is refused for a flag that routes, and taken for another', () => {
  assert.match(refusal(OFF, { percentage: 5, of: 'time' }), /percentage of time is not for/)
  const other = applyChange('a_flag', OFF, { percentage: 5, of: 'time' }, { routes: false })
  assert.deepEqual(other, { state: { ...OFF, percentage_of_time: 5 } })
})

test('an opt-out must be there to be removed, and gone before the actor is enabled', () => {
  assert.match(refusal(OFF, { removeOptOut: A }), /No opt-out exists for Authn::OauthApplication:1/)
  const opted = after(OFF, { optOut: A })
  assert.match(refusal(opted, { set: true, target: { kind: 'actor', id: A } }), /remove opt-out before enabling/)
  assert.deepEqual(after(opted, { removeOptOut: A }), OFF)
})

test('an opt-out survives the step to everybody, so what was taken out stays out', () => {
  const state = after(OFF, { percentage: 50, of: 'actors' }, { optOut: A }, { set: true })
  assert.equal(evaluateFlag(FLAG, state, { targetingKey: A }).value, false)
  assert.equal(evaluateFlag(FLAG, state, { targetingKey: B }).value, true)
})

const anActor = fc.constantFrom(A, B, 'Authn::OauthApplication:3')
const aChange: fc.Arbitrary<FlagChange> = fc.oneof(
  fc.record({ set: fc.boolean() }),
  fc.record({ set: fc.boolean(), target: fc.record({ kind: fc.constant('actor' as const), id: anActor }) }),
  fc.record({ percentage: fc.integer({ min: 1, max: 99 }), of: fc.constant('actors' as const) }),
  fc.record({ optOut: anActor }),
  fc.record({ removeOptOut: anActor }),
)

test('whatever is changed in whatever order, lists stay sorted sets, inputs stay untouched, repeats change nothing', () => {
  fc.assert(
    fc.property(fc.array(aChange, { maxLength: 12 }), (changes) => {
      let state = OFF
      for (const change of changes) {
        const frozen = structuredClone(state)
        const result = applyChange(FLAG, state, change, ROUTING)
        assert.deepEqual(state, frozen)
        if ('refused' in result) continue
        state = result.state
        const again = applyChange(FLAG, state, change, ROUTING)
        if ('state' in again) assert.deepEqual(again.state, state)
        for (const list of [state.actors, state.opted_out]) assert.deepEqual([...new Set(list)].sort(), list)
      }
    }),
  )
})
