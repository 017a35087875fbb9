import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyChange, type FlagChange } from './change.ts'
import { evaluateFlag } from './evaluate.ts'
import { type FlagState, OFF, ON } from './gates.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  pilots: ['Authn::OauthApplication:1', 'Authn::OauthApplication:3'],
}
const membersOf = (group: string) => new Set(GROUPS[group] ?? [])
const ROUTING = { routes: true, membersOf }
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
})

const off = (id: string): FlagChange => ({ set: false, target: { kind: 'actor', id } })
const on = (id: string): FlagChange => ({ set: true, target: { kind: 'actor', id } })
const isOn = (state: FlagState, actor: string) =>
  evaluateFlag(FLAG, state, { targetingKey: actor, isMember: (group) => membersOf(group).has(actor) }).value

// Application 1 is in bucket 90.536, application 2 in 47.698.
const coverings: ReadonlyArray<readonly [string, FlagState, string]> = [
  ['boolean', ON, A],
  ['percentage_of_actors', { ...OFF, percentage_of_actors: 99.999 }, A],
  ['percentage_of_actors', { ...OFF, percentage_of_actors: 100 }, A],
  ['feature_group', { ...OFF, feature_groups: ['pilots'] }, A],
  ['percentage_of_actors', { ...OFF, actors: [A, B], percentage_of_actors: 50 }, B],
]
for (const [gate, state, actor] of coverings) {
  test(`false for an actor that ${gate} covers opts it out, and true takes it in again`, () => {
    const result = applyChange(FLAG, state, off(actor), ROUTING)
    assert.ok('state' in result)
    assert.deepEqual(result.optOutChanges, [{ kind: 'opted_out', actor, gate }])
    assert.equal(isOn(result.state, actor), false)
    assert.deepEqual([result.state.opted_out, result.state.switched_off], [[actor], [actor]])
    const back = applyChange(FLAG, result.state, on(actor), ROUTING)
    assert.ok('state' in back)
    assert.deepEqual(back.optOutChanges, [{ kind: 'opt_out_removed', actor }])
    assert.equal(isOn(back.state, actor), true)
    assert.deepEqual(back.state.opted_out, [])
    assert.ok(!('switched_off' in back.state))
  })
}

test('false for an actor that only its own gate covers adds no opt-out, so a later percentage may include it', () => {
  const state = after(OFF, on(A), { percentage: 50, of: 'actors' }, off(A))
  assert.deepEqual(state, { ...OFF, percentage_of_actors: 50 })
  assert.equal(isOn(after(state, { percentage: 95, of: 'actors' }), A), true)
})

test('true for an actor does not remove an opt-out by opt_out, regardless of an earlier or later false', () => {
  for (const state of [after(ON, { optOut: A }, off(A)), after(ON, off(A), { optOut: A })]) {
    assert.match(refusal(state, on(A)), /remove opt-out before enabling/)
    assert.deepEqual(after(state, { removeOptOut: A }), ON)
  }
  assert.deepEqual(after(ON, off(A), { removeOptOut: A }), ON)
})

test('an actor that false opted out stays out at the step to all', () => {
  const state = after({ ...OFF, percentage_of_actors: 99 }, off(A), { set: true })
  assert.deepEqual([isOn(state, A), isOn(state, B)], [false, true])
  assert.equal(isOn(after(state, on(A)), A), true)
})

test('false for a feature group opts out the members that another gate covers; true removes those opt-outs', () => {
  const target = { kind: 'feature_group', name: 'pilots' } as const
  const before = { ...OFF, feature_groups: ['pilots'], percentage_of_actors: 50 }
  const result = applyChange(FLAG, before, { set: false, target }, ROUTING)
  assert.ok('state' in result)
  // Application 3 is in bucket 35.172.
  const three = 'Authn::OauthApplication:3'
  assert.deepEqual(result.optOutChanges, [{ kind: 'opted_out', actor: three, gate: 'percentage_of_actors' }])
  assert.deepEqual([isOn(result.state, A), isOn(result.state, three)], [false, false])
  assert.deepEqual(after(result.state, { set: true, target }), before)
  const again = applyChange(FLAG, after(result.state, { optOut: three }), { set: true, target }, ROUTING)
  assert.ok('state' in again)
  assert.deepEqual(again.optOutChanges, [{ kind: 'stays_out', actor: three }])
})

test('false for an actor also opts it out of a percentage of time', () => {
  const state = { ...OFF, percentage_of_time: 1 }
  const result = applyChange('a_flag', state, off(A), { ...ROUTING, routes: false })
  assert.ok('state' in result)
  assert.equal(evaluateFlag('a_flag', result.state, { targetingKey: A, draw: 0 }).value, false)
})

test('a feature group is added and removed', () => {
  const target = { kind: 'feature_group', name: 'staff' } as const
  assert.deepEqual(after(OFF, { set: true, target }).feature_groups, ['staff'])
  assert.deepEqual(after(OFF, { set: true, target }, { set: false, target }), OFF)
})

test('a percentage is refused for a flag that is on for all, with the message of Flipper', () => {
  assert.equal(
    refusal(ON, { percentage: 5, of: 'actors' }),
    'Cannot enable percentage of actors for a fully-enabled flag',
  )
  assert.equal(
    refusal(ON, { percentage: 5, of: 'time' }, { ...ROUTING, routes: false }),
    'Cannot enable percentage of time for a fully-enabled flag',
  )
})

test('percentage of time is refused for a routing flag and accepted for other flags', () => {
  assert.match(refusal(OFF, { percentage: 5, of: 'time' }), /percentage of time is not allowed for/)
  const other = applyChange('a_flag', OFF, { percentage: 5, of: 'time' }, { ...ROUTING, routes: false })
  assert.deepEqual(other, { state: { ...OFF, percentage_of_time: 5 }, optOutChanges: [] })
})

test('only an existing opt-out can be removed, and it must be removed before the actor is enabled', () => {
  assert.match(refusal(OFF, { removeOptOut: A }), /No opt-out exists for Authn::OauthApplication:1/)
  const opted = after(OFF, { optOut: A })
  assert.match(refusal(opted, { set: true, target: { kind: 'actor', id: A } }), /remove opt-out before enabling/)
  assert.deepEqual(after(opted, { removeOptOut: A }), OFF)
})

test('an opt-out survives the step to all', () => {
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

test('any sequence of changes keeps lists sorted and unique, leaves inputs untouched, and is idempotent', () => {
  fc.assert(
    fc.property(fc.array(aChange, { maxLength: 12 }), (changes) => {
      let state = OFF
      for (const change of changes) {
        const frozen = structuredClone(state)
        const result = applyChange(FLAG, state, change, ROUTING)
        assert.deepEqual(state, frozen)
        if ('refused' in result) continue
        state = result.state
        if ('target' in change && change.target.kind === 'actor')
          assert.equal(isOn(state, change.target.id), change.set)
        const again = applyChange(FLAG, state, change, ROUTING)
        if ('state' in again) assert.deepEqual(again.state, state)
        const lists = [state.actors, state.opted_out, state.switched_off ?? []]
        assert.ok(state.switched_off?.every((actor) => state.opted_out.includes(actor)) ?? true)
        for (const list of lists) assert.deepEqual([...new Set(list)].sort(), list)
      }
    }),
  )
})
