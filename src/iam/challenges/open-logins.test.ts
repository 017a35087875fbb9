import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOpenLogins } from './open-logins.ts'

/** A store that counts its queries. */
function opened(most: number, held: number) {
  const store = { held, asked: 0, isAway: false, now: 0 }
  const count = async () => {
    store.asked++
    if (store.isAway) throw new Error('away')
    return store.held
  }
  return { store, logins: createOpenLogins(most, count, () => store.now) }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('as many sign-ins may start as are allowed, and not one more', async () => {
  const { logins } = opened(10, 0)
  const begun = Array.from({ length: 15 }, () => logins.admit())
  assert.equal(begun.filter((isIn) => isIn).length, 10)
})

test('sign-ins of other processes count once they are known', async () => {
  const { logins } = opened(10, 8)
  logins.admit()
  await settled()
  assert.equal(logins.admit(), true)
  assert.equal(logins.admit(), false)
})

test('more sign-ins may start after others have ended', async () => {
  const { logins, store } = opened(10, 10)
  logins.admit()
  await settled()
  assert.equal(logins.admit(), false)
  store.held = 3
  store.now = 2_001
  logins.admit()
  await settled()
  assert.equal(logins.admit(), true)
})

test('the store is queried rarely while there is capacity, and never concurrently', async () => {
  const { logins, store } = opened(10_000, 0)
  for (let second = 0; second < 180; second++) {
    store.now = second * 1_000
    for (let request = 0; request < 10; request++) logins.admit()
    await settled()
  }
  assert.ok(store.asked <= 4, `${store.asked}`)
})

test('the last count stays in use while the store is unavailable', async () => {
  const { logins, store } = opened(10, 10)
  logins.admit()
  await settled()
  store.isAway = true
  store.held = 0
  store.now = 5_000
  logins.admit()
  await settled()
  assert.equal(logins.admit(), false)
})
