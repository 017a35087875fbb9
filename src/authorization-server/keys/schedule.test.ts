import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  currentKey,
  type KeyPolicy,
  keyState,
  planKeys,
  planRotation,
  planWithdrawal,
  type ScheduledKey,
} from './schedule.ts'

const policy: KeyPolicy = { algorithms: ['RS256'], lifetime: 1_000, lead: 100, keep: 50, stale: 10 }
const forEver: KeyPolicy = { ...policy, lifetime: undefined }
const key = (kid: string, publishedAt: number, signsFrom: number | null, more: Partial<ScheduledKey> = {}) =>
  ({ kid, algorithm: 'RS256', publishedAt, signsFrom, erased: false, ...more }) satisfies ScheduledKey

test('the first key signs at once, and has a standby key only when a lifetime is set', () => {
  assert.deepEqual(planKeys([], 5, policy), [{ do: 'make', algorithm: 'RS256', signsFrom: 5 }])
  const first = key('a', 5, 5)
  assert.deepEqual(planKeys([first], 6, policy), [{ do: 'make', algorithm: 'RS256', signsFrom: null }])
  assert.deepEqual(planKeys([first], 1e9, forEver), [])
  assert.deepEqual(planKeys([first, key('b', 6, null)], 1_004, policy), [])
})

test('a key that reaches its lifetime is succeeded by one that has been published for the lead time', () => {
  const first = key('a', 0, 0)
  assert.deepEqual(planKeys([first, key('b', 5, null)], 1_000, policy), [
    { do: 'schedule', kid: 'b', signsFrom: 1_000 },
  ])
  assert.deepEqual(planKeys([first, key('b', 950, null)], 1_000, policy), [
    { do: 'schedule', kid: 'b', signsFrom: 1_050 },
  ])
  assert.deepEqual(planKeys([first, key('b', 950, 1_050)], 1_001, policy), [], 'once')
})

test('a key that was succeeded loses its private half, then is removed', () => {
  const keys = [key('a', 0, 0), key('b', 5, 1_000), key('c', 1_000, null)]
  assert.deepEqual(
    keys.map((one) => keyState(one, keys, 999)),
    ['current', 'next', 'next'],
  )
  assert.deepEqual(
    keys.map((one) => keyState(one, keys, 1_000)),
    ['retired', 'current', 'next'],
  )
  assert.deepEqual(planKeys(keys, 1_010, policy), [])
  assert.deepEqual(planKeys(keys, 1_011, policy), [{ do: 'erase', kid: 'a' }])
  const erased = keys.map((one) => (one.kid === 'a' ? { ...one, erased: true } : one))
  assert.deepEqual(planKeys(erased, 1_050, policy), [])
  assert.deepEqual(planKeys(erased, 1_051, policy), [{ do: 'remove', kid: 'a' }])
})

test('the first key of an additional algorithm waits for its lead time', () => {
  const both: KeyPolicy = { ...forEver, algorithms: ['RS256', 'ES256'] }
  assert.deepEqual(planKeys([key('a', 0, 0)], 500, both), [{ do: 'make', algorithm: 'ES256', signsFrom: 600 }])
  const keys = [key('a', 0, 0), key('e', 500, 600, { algorithm: 'ES256' })]
  assert.deepEqual(planKeys(keys, 599, both), [])
  assert.deepEqual([currentKey(keys, 'ES256', 599)?.kid, currentKey(keys, 'ES256', 600)?.kid], [undefined, 'e'])
})

test('a requested rotation waits for the lead time, and repeating the request changes nothing', () => {
  const first = key('a', 0, 0)
  assert.deepEqual(planRotation([first], 500, forEver), [{ do: 'make', algorithm: 'RS256', signsFrom: 600 }])
  assert.deepEqual(planRotation([first, key('b', 500, 600)], 550, forEver), [])
  assert.deepEqual(planRotation([first, key('b', 5, null)], 500, policy), [
    { do: 'schedule', kid: 'b', signsFrom: 500 },
  ])
  assert.deepEqual(planRotation([first, key('b', 450, null)], 500, policy), [
    { do: 'schedule', kid: 'b', signsFrom: 550 },
  ])
})

test('a current key that is withdrawn is replaced at once by the key that has been published longest', () => {
  const keys = [key('z', 0, 0), key('a', 0, 100), key('b', 200, null), key('c', 300, 900)]
  assert.deepEqual(planWithdrawal('a', keys, 400), [
    { do: 'remove', kid: 'a' },
    { do: 'schedule', kid: 'b', signsFrom: 400 },
  ])
  assert.deepEqual(planWithdrawal('a', keys.slice(0, 2), 400), [
    { do: 'remove', kid: 'a' },
    { do: 'make', algorithm: 'RS256', signsFrom: 400 },
  ])
  assert.deepEqual(planWithdrawal('z', keys, 400), [{ do: 'remove', kid: 'z' }])
  assert.deepEqual(planWithdrawal('unknown', keys, 400), [])
})
