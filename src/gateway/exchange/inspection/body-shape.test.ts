import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyShape } from './body-shape.ts'

const TOKENS = { token_type: 'Bearer', expires_in: 7_200, scope: 'read_user profile', created_at: 1_796_061_693 }
const withTokens = (access: string, refresh: string) =>
  bodyShape({ ...TOKENS, access_token: access, refresh_token: refresh })

test('the opaque tokens of Doorkeeper and of IAM have one shape, though they differ in length', () => {
  const doorkeeper = withTokens('1'.repeat(64), '2'.repeat(64))
  const iam = withTokens(`gliamat-${'a'.repeat(43)}`, `gliamrt-${'b'.repeat(43)}`)
  assert.equal(iam, doorkeeper)
})

test('a token that no longer fits where clients keep it, or that becomes a JWT, changes the shape', () => {
  const short = withTokens('1'.repeat(255), 'r')
  for (const length of [256, 1_001, 2_001, 4_097]) {
    assert.notEqual(withTokens('1'.repeat(length), 'r'), short, String(length))
    assert.equal(withTokens('1'.repeat(length), 'r'), withTokens('1'.repeat(length + 500), 'r'), String(length))
  }
  assert.notEqual(withTokens('a.b.c', 'r'), withTokens('abc', 'r'))
})

test('a missing member, another type, another lifetime and another scope change the shape, and the order does not', () => {
  const whole = bodyShape(TOKENS)
  for (const other of [{ expires_in: '7200' }, { expires_in: 3_600 }, { scope: 'read_user' }, { created_at: null }]) {
    assert.notEqual(bodyShape({ ...TOKENS, ...other }), whole, JSON.stringify(other))
  }
  const { created_at: _dropped, ...rest } = TOKENS
  assert.notEqual(bodyShape(rest), whole)
  assert.equal(
    bodyShape(Object.fromEntries(Object.entries({ ...TOKENS, scope: 'profile read_user' }).reverse())),
    whole,
  )
})
