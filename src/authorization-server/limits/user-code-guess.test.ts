import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForUserCode } from './user-code-guess.ts'

const limits = {
  user: { count: 10, seconds: 600 },
  address: { count: 30, seconds: 600 },
  all: { count: 600, seconds: 300 },
}
const none = { made: 0, firstAgo: 0 }

for (const [what, guesses, wait] of [
  ['nobody has guessed', {}, 0],
  ['the user has one left', { user: { made: 9, firstAgo: 1 } }, 0],
  ['the user has none left', { user: { made: 10, firstAgo: 100 } }, 500_000],
  ['the first guess is all but forgotten', { user: { made: 10, firstAgo: 599.9 } }, 1_000],
  [
    'the address has none left, for a user who was wrong',
    { user: { made: 1, firstAgo: 0 }, address: { made: 30, firstAgo: 300 } },
    300_000,
  ],
  ['the address has none left, for a user who was not', { address: { made: 30, firstAgo: 300 } }, 0],
  [
    'nobody has any left, for a user who was wrong',
    { user: { made: 1, firstAgo: 0 }, all: { made: 600, firstAgo: 0 } },
    300_000,
  ],
  ['nobody has any left, for a user who was not', { all: { made: 6_000, firstAgo: 0 } }, 0],
  [
    'two limits are reached, which waits for the longer',
    { user: { made: 10, firstAgo: 0 }, all: { made: 600, firstAgo: 0 } },
    600_000,
  ],
] as const) {
  test(`a guess where ${what} waits ${wait / 1_000} s`, () => {
    assert.equal(waitForUserCode(limits, { user: none, address: none, all: none, ...guesses }), wait)
  })
}

test('the probability that the shared budget of wrong codes hits a given code stays below 2^-32', () => {
  const codes = 36 ** 8
  assert.ok(limits.all.count / codes < 2 ** -32)
})
