import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodeOf, messageOf } from './errors.ts'

test('an OAuth error is shown as text, whether it is in the body or in a challenge', () => {
  const inBody = Object.assign(new Error('unexpected'), { error: 'invalid_grant', error_description: 'Revoked.' })
  const challenge = { scheme: 'bearer', parameters: { error: 'invalid_token', error_description: 'Expired.' } }
  const inChallenge = new Error('server responded with a challenge', { cause: [challenge] })
  assert.deepEqual([errorCodeOf(inBody), messageOf(inBody)], ['invalid_grant', 'invalid_grant: Revoked.'])
  assert.deepEqual([errorCodeOf(inChallenge), messageOf(inChallenge)], ['invalid_token', 'invalid_token: Expired.'])
})

test('any other error is shown unchanged and has no code', () => {
  const fault = new Error('connect ECONNREFUSED', { cause: new Error('refused') })
  assert.deepEqual([errorCodeOf(fault), messageOf(fault)], [undefined, 'connect ECONNREFUSED'])
  assert.equal(messageOf('text'), 'failed')
})
