import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Joined } from './joined.ts'

test('concurrent callers share one computation, and callers that arrive while it runs share the next one', async () => {
  let begun = 0
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const joined = new Joined(async (key: string) => {
    const number = ++begun
    if (number === 1) await held
    return `${key}${number}`
  }, 0)
  const first = [joined.get('a'), joined.get('a')]
  while (begun === 0) await new Promise((resolve) => setImmediate(resolve))
  const late = [joined.get('a'), joined.get('a')]
  assert.equal(await joined.get('b'), 'b2', 'another key does not wait, and no second computation of "a" has begun')
  release()
  assert.deepEqual(await Promise.all(first), ['a1', 'a1'])
  assert.deepEqual(await Promise.all(late), ['a3', 'a3'])
})

test('a computation that failed is repeated for the next caller', async () => {
  let isFailing = true
  const joined = new Joined(async () => {
    if (isFailing) throw new Error('the database does not answer')
    return 'value'
  }, 0)
  await assert.rejects(joined.get('a'), /does not answer/)
  isFailing = false
  assert.equal(await joined.get('a'), 'value')
})
