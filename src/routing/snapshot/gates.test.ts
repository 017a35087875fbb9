import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gates, membersOfStep, stepBetween } from './gates.ts'
import type { FlagGates } from './lines.ts'

const actor = (id: number) => `Authn::OauthApplication:${id}`
const random = (): FlagGates => ({
  boolean: Math.random() < 0.5,
  actors: Array.from({ length: 8 }, (_, n) => actor(n + 1))
    .filter(() => Math.random() < 0.5)
    .concat(Math.random() < 0.5 ? ['User:1'] : []),
  percentage_of_actors: Math.floor(Math.random() * 3) * 10,
  opted_out: Array.from({ length: 4 }, (_, n) => actor(n + 1)).filter(() => Math.random() < 0.5),
})
const sorted = ({ actors, opted_out, ...gates }: FlagGates) => ({
  ...gates,
  actors: [...actors].sort(),
  opted_out: [...opted_out].sort(),
})

test('the step between two states of a flag leads from the first to the second', () => {
  for (let round = 0; round < 2_000; round++) {
    const [before, after] = [random(), random()]
    const gates = new Gates(before)
    gates.apply(stepBetween(before, after))
    assert.deepEqual(sorted(gates.read()), sorted(after))
    for (const id of [1, 4, 8, 99]) {
      assert.equal(gates.compile('flag')(id), new Gates(after).compile('flag')(id))
    }
  }
})

test('a step lists only the actors that came or went, and a change of percentage lists none', () => {
  const actors = Array.from({ length: 1_000 }, (_, n) => actor(n + 1))
  const before = { boolean: false, actors, percentage_of_actors: 5, opted_out: [actor(7)] }
  assert.deepEqual(stepBetween(before, { ...before, percentage_of_actors: 6 }), { percentage_of_actors: 6 })
  const without = actors.filter((each) => each !== actor(500))
  const step = stepBetween(before, { ...before, actors: without, opted_out: [] })
  assert.deepEqual(step, { actors: { removed: [actor(500)] }, opted_out: { removed: [actor(7)] } })
  assert.equal(membersOfStep(step), 2)
  assert.deepEqual(stepBetween(before, before), {})
})
