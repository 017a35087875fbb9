import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashPassword, verifyPassword } from './password.ts'
import { signInThrottle } from './sign-in-throttle.ts'

test('after ten failures a name rests for ten minutes, others do not', () => {
  let now = 0
  const throttle = signInThrottle(() => now)
  for (let attempt = 0; attempt < 10; attempt++) {
    assert.equal(throttle.allows('alice'), true)
    throttle.failed('alice')
  }
  assert.equal(throttle.allows('alice'), false)
  assert.equal(throttle.allows('bob'), true)
  now = 600_001
  assert.equal(throttle.allows('alice'), true)
})

test('a success wipes the failures away', () => {
  const throttle = signInThrottle(() => 0)
  for (let attempt = 0; attempt < 9; attempt++) throttle.failed('alice')
  throttle.succeeded('alice')
  throttle.failed('alice')
  assert.equal(throttle.allows('alice'), true)
})

test('made-up names do not pile up', () => {
  const throttle = signInThrottle(() => 0)
  for (let attempt = 0; attempt < 10; attempt++) throttle.failed('first')
  for (let name = 0; name < 10_000; name++) throttle.failed(`name-${name}`)
  assert.equal(throttle.allows('first'), true)
})

test('a password is known again by its hash, and no other is', async () => {
  const hash = await hashPassword('correct horse')
  assert.doesNotMatch(hash, /correct/)
  assert.notEqual(hash, await hashPassword('correct horse'))
  assert.equal(await verifyPassword('correct horse', hash), true)
  assert.equal(await verifyPassword('correct horsf', hash), false)
  assert.equal(await verifyPassword('', hash), false)
  assert.equal(await verifyPassword('correct horse', 'not a hash'), false)
})
