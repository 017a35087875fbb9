import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Joined } from './joined.ts'

test('those who ask together share one computation, and those who ask after it began get a later one', async () => {
  let begun = 0
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const joined = new Joined(async (key: string) => {
    const number = ++begun
    if (number === 1) await held
    return `${key}${number}`
  }, 0)
  const first = [joined.get('a'), joined.get('a')]
  while (begun === 0) await new Promise((resolve) => setImmediate(resolve))
  const late = joined.get('a')
  assert.equal(await late, 'a2', 'it does not wait for the computation that began before')
  release()
  assert.deepEqual(await Promise.all(first), ['a1', 'a1'])
  assert.equal(await joined.get('b'), 'b3')
})

test('a computation that fails is tried again for the next who asks', async () => {
  let isFailing = true
  const joined = new Joined(async () => {
    if (isFailing) throw new Error('the database does not answer')
    return 'value'
  }, 0)
  await assert.rejects(joined.get('a'), /does not answer/)
  isFailing = false
  assert.equal(await joined.get('a'), 'value')
})
