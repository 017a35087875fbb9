import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLogins } from './open-logins.ts'

/** A store that counts how often it is asked. */
function opened(most: number, held: number) {
  const store = { held, asked: 0, isAway: false, now: 0 }
  const count = async () => {
    store.asked++
    if (store.isAway) throw new Error('away')
    return store.held
  }
  return { store, logins: openLogins(most, count, () => store.now) }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('as many sign-ins may begin as are allowed, and not one more', async () => {
  const { logins } = opened(10, 0)
  const begun = Array.from({ length: 15 }, () => logins.admit())
  assert.equal(begun.filter((isIn) => isIn).length, 10)
})

test('those of other processes count once they are known', async () => {
  const { logins } = opened(10, 8)
  logins.admit()
  await settled()
  assert.equal(logins.admit(), true)
  assert.equal(logins.admit(), false)
})

test('there is room again when some have ended', async () => {
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

test('the store is asked seldom while there is room, and never twice at once', async () => {
  const { logins, store } = opened(10_000, 0)
  for (let second = 0; second < 180; second++) {
    store.now = second * 1_000
    for (let request = 0; request < 10; request++) logins.admit()
    await settled()
  }
  assert.ok(store.asked <= 4, `${store.asked}`)
})

test('while the store is away the last count stands', async () => {
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
