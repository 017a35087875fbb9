import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ResourceOwner, TooManyGuessesError } from '../../authorization-server/index.ts'
import { boundedPasswordCheck, PasswordChecksBusyError } from './password-checks.ts'
import { signInThrottle } from './sign-in-throttle.ts'

const alice: ResourceOwner = {
  id: '1',
  username: 'alice',
  name: 'Alice',
  email: 'alice@example.test',
  claims: {},
  authTime: 1,
}

function from(username: string, network = '203.0.113.1') {
  return { username, network }
}

/** A check that counts its calls and answers in a later turn of the event loop. */
function counting() {
  const seen = { asked: 0, atOnce: 0, most: 0 }
  const check = async (_username: string, password: string) => {
    seen.asked++
    seen.most = Math.max(seen.most, ++seen.atOnce)
    await new Promise((resolve) => setImmediate(resolve))
    seen.atOnce--
    return password === 'right' ? alice : undefined
  }
  const throttle = signInThrottle()
  const bounded = boundedPasswordCheck(check, throttle)
  return { seen, throttle, bounded: (username: string, password: string) => bounded(from(username), password) }
}

test('concurrent guesses are limited like consecutive ones', async () => {
  const { seen, bounded } = counting()
  await Promise.allSettled(Array.from({ length: 60 }, (_, index) => bounded('alice', `wrong ${index}`)))
  assert.ok(seen.asked <= 11, `${seen.asked} guesses were tried`)
  await assert.rejects(bounded('alice', 'right'), (error: unknown) => {
    assert.ok(error instanceof TooManyGuessesError)
    assert.ok(error.waitMs > 0 && error.waitMs <= 60_000)
    return true
  })
})

test('two passwords are checked at once, and correct ones in parallel all succeed', async () => {
  const { seen, bounded } = counting()
  const owners = await Promise.all(Array.from({ length: 60 }, () => bounded('alice', 'right')))
  assert.ok(owners.every((owner) => owner === alice))
  assert.equal(seen.most, 2)
})

test('attempts beyond the queue are rejected at once, and the queue continues', async () => {
  const { bounded } = counting()
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, (_, index) => bounded(`user-${index}`, 'right')),
  )
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.equal(refused.length, 100 - 66)
  assert.ok(refused.every(({ reason }) => reason instanceof PasswordChecksBusyError))
  assert.equal(await bounded('alice', 'right'), alice)
})

test('a known user gets a place in a queue that strangers have filled', async () => {
  const { bounded, throttle } = counting()
  throttle.succeeded(from('alice'))
  const strangers = Array.from({ length: 80 }, (_, index) => bounded(`user-${index}`, 'wrong'))
  const known = bounded('alice', 'right')
  assert.ok((await Promise.allSettled(strangers)).some(({ status }) => status === 'rejected'))
  assert.equal(await known, alice)
})

test('a name or password of absurd length never matches and is not hashed', async () => {
  const { seen, bounded } = counting()
  assert.equal(await bounded('a'.repeat(256), 'right'), undefined)
  assert.equal(await bounded('alice', 'x'.repeat(1_025)), undefined)
  assert.equal(seen.asked, 0)
})

test('a check that fails releases its slot', async () => {
  const bounded = boundedPasswordCheck(() => Promise.reject(new Error('the store is away')), signInThrottle())
  for (let count = 0; count < 5; count++) await assert.rejects(bounded(from('alice'), 'right'), /store is away/)
})
