import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hashPassword, verifyPassword } from './password.ts'
import { signInThrottle } from './sign-in-throttle.ts'

const HOME = '203.0.113.1'
const STRANGER = '198.51.100.1'

/** A throttle with a clock controlled by the test. */
function opened() {
  const clock = { now: 0 }
  const throttle = signInThrottle(undefined, () => clock.now)
  let guesses = 0
  const guess = (username: string, network: string, times: number) => {
    for (let made = 0; made < times; made++) throttle.failed({ username, network }, `guess ${guesses++}`)
  }
  const waits = (username: string, network: string, browser?: string) =>
    throttle.wait({ username, network, browser }) > 0
  return { clock, throttle, guess, waits }
}

describe('guessing passwords', () => {
  test('stops after ten of one name from one place, with one more each minute', () => {
    const { clock, guess, waits } = opened()
    guess('alice', STRANGER, 9)
    assert.equal(waits('alice', STRANGER), false)
    guess('alice', STRANGER, 1)
    assert.equal(waits('alice', STRANGER), true)
    clock.now = 60_000
    assert.equal(waits('alice', STRANGER), false)
    guess('alice', STRANGER, 1)
    assert.equal(waits('alice', STRANGER), true)
  })

  test('from one place locks no user out elsewhere, and no other user there', () => {
    const { guess, waits } = opened()
    guess('alice', STRANGER, 50)
    assert.equal(waits('alice', HOME), false)
    assert.equal(waits('bob', STRANGER), false)
  })

  test('from many places stops after a hundred of one name', () => {
    const { guess, waits } = opened()
    for (let place = 0; place < 100; place++) guess('alice', `198.51.100.${place}`, 1)
    assert.equal(waits('alice', '192.0.2.1'), true)
  })

  test('from any number of places never locks a user out where they have signed in before', () => {
    const { guess, waits, throttle } = opened()
    throttle.succeeded({ username: 'alice', network: HOME })
    for (let place = 0; place < 250; place++) guess('alice', `198.51.100.${place}`, 10)
    assert.equal(waits('alice', HOME), false)
    assert.equal(waits('alice', STRANGER), true)
  })

  test('from the same place does not lock out the user’s browser', () => {
    const { guess, waits } = opened()
    guess('alice', HOME, 100)
    assert.equal(waits('alice', HOME), true)
    assert.equal(waits('alice', HOME, 'known'), false)
  })

  test('from a known browser is limited like any other', () => {
    const { throttle, waits } = opened()
    const attempt = { username: 'alice', network: HOME, browser: 'stolen' }
    for (let made = 0; made < 10; made++) throttle.failed(attempt, `guess ${made}`)
    assert.equal(waits('alice', HOME, 'stolen'), true)
  })

  test('of many names from one place stops after three hundred', () => {
    const { guess, waits } = opened()
    for (let name = 0; name < 300; name++) guess(`user-${name}`, STRANGER, 1)
    assert.equal(waits('alice', STRANGER), true)
    assert.equal(waits('alice', HOME), false)
  })

  test('does not include a forgotten device that repeats the same old password', () => {
    const { throttle, waits } = opened()
    for (let made = 0; made < 500; made++) throttle.failed({ username: 'alice', network: HOME }, 'the old one')
    assert.equal(waits('alice', HOME), false)
  })

  test('is forgotten once the right password was entered', () => {
    const { guess, throttle, waits } = opened()
    guess('alice', HOME, 9)
    throttle.succeeded({ username: 'alice', network: HOME })
    guess('alice', HOME, 9)
    assert.equal(waits('alice', HOME), false)
  })

  test('cannot be forgotten by guessing at made-up names', () => {
    const { guess, waits } = opened()
    guess('alice', STRANGER, 10)
    for (let name = 0; name < 60_000; name++)
      guess(`name-${name}`, `10.${name >> 16}.${(name >> 8) & 255}.${name & 255}`, 1)
    assert.equal(waits('alice', STRANGER), true)
  })
})

test('recognises a repeated password by its hash, and no other', async () => {
  const hash = await hashPassword('correct horse')
  assert.doesNotMatch(hash, /correct/)
  assert.notEqual(hash, await hashPassword('correct horse'))
  assert.equal(await verifyPassword('correct horse', hash), true)
  assert.equal(await verifyPassword('correct horsf', hash), false)
  assert.equal(await verifyPassword('', hash), false)
  assert.equal(await verifyPassword('correct horse', 'not a hash'), false)
})
