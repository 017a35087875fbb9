import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FailureLimit } from './failure-limit.ts'

test('the delay doubles with each failure after the twentieth, is capped at a minute, and is forgotten', () => {
  let now = 0
  const limit = new FailureLimit(() => now)
  let tried = 0
  const fail = (address = 'a') => limit.failed(address, String(tried++))
  for (let n = 0; n < 20; n++) assert.equal(fail(), 0)
  const waits = []
  for (let n = 0; n < 8; n++) {
    assert.equal(fail(), 0)
    waits.push(fail())
    now += 60_000
  }
  assert.deepEqual(waits, [2, 4, 8, 16, 32, 60, 60, 60])
  fail()
  assert.equal(fail('b'), 0)
  now += 900_000
  assert.equal(fail(), 0)
  assert.equal(fail(), 0)
})

test('a wrong token that a program sends repeatedly, such as a revoked one, counts once', () => {
  const limit = new FailureLimit(() => 0)
  for (let n = 0; n < 100; n++) assert.equal(limit.failed('a', 'the same'), 0)
})
