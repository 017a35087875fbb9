import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applicationIdOf, compileFlag } from './compile.ts'
import { evaluateFlag } from './evaluate.ts'
import { type FlagState, OFF } from './gates.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const actor = (id: number) => `Authn::OauthApplication:${id}`

const id = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc.integer({ min: 1, max: 2 ** 31 + 5 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
)
const percentage = fc.integer({ min: 0, max: 100_000 }).map((thousandths) => thousandths / 1_000)
const state: fc.Arbitrary<FlagState> = fc.record({
  boolean: fc.boolean(),
  actors: fc.uniqueArray(id.map(actor), { maxLength: 6 }),
  percentage_of_actors: percentage,
  percentage_of_time: fc.constant(0),
  feature_groups: fc.constant([]),
  opted_out: fc.uniqueArray(id.map(actor), { maxLength: 6 }),
})

test('a compiled flag and a plain evaluation agree for every state and application', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z_]{1,40}$/), state, id, (flag, gates, application) => {
      const plain = evaluateFlag(flag, gates, { targetingKey: actor(application) })
      assert.equal(compileFlag(flag, gates)(application), plain.value)
    }),
    { numRuns: 2_000 },
  )
})

test('raising the percentage never moves an application back', () => {
  fc.assert(
    fc.property(state, percentage, percentage, id, (gates, one, other, application) => {
      const lower = compileFlag(FLAG, { ...gates, percentage_of_actors: Math.min(one, other) })(application)
      const higher = compileFlag(FLAG, { ...gates, percentage_of_actors: Math.max(one, other) })(application)
      assert.ok(!lower || higher)
    }),
    { numRuns: 1_000 },
  )
})

test('an opt-out overrides every gate', () => {
  fc.assert(
    fc.property(state, id, (gates, application) => {
      const opted = { ...gates, opted_out: [...gates.opted_out, actor(application)] }
      assert.equal(compileFlag(FLAG, opted)(application), false)
      assert.deepEqual(
        evaluateFlag(FLAG, opted, { targetingKey: actor(application), isMember: () => true, draw: 0 }).value,
        false,
      )
    }),
  )
})

test('opening a gate never turns an application off', () => {
  fc.assert(
    fc.property(state, id, id, (gates, application, added) => {
      const before = compileFlag(FLAG, gates)(application)
      const wider = { ...gates, actors: [...gates.actors, actor(added)] }
      assert.ok(!before || compileFlag(FLAG, wider)(application))
      assert.ok(!before || compileFlag(FLAG, { ...gates, boolean: true })(application))
    }),
  )
})

test('a percentage covers about its share of applications', () => {
  const isOn = compileFlag(FLAG, { ...OFF, percentage_of_actors: 12.5 })
  let on = 0
  for (let application = 1; application <= 100_000; application++) if (isOn(application)) on++
  assert.ok(on > 12_000 && on < 13_000, String(on))
})

test('actors of other types are ignored', () => {
  for (const other of [
    'User:1',
    'Authn::OauthApplication:',
    'Authn::OauthApplication:0',
    'Authn::OauthApplication:01',
    'x:1',
  ]) {
    assert.equal(applicationIdOf(other), undefined, other)
  }
  assert.equal(compileFlag(FLAG, { ...OFF, actors: ['User:7'] })(7), false)
  assert.equal(applicationIdOf(actor(7)), 7)
})
