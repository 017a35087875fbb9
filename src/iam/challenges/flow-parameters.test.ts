import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterSignIn, consentParameters, isPromptNone, packParameters, unpackParameters } from './flow-parameters.ts'

test('a request survives storage, whatever its parameters contain, without parameters that the server ignores', () => {
  const kept = { client_id: 'a\u0000b', scope: ['api', 'read_user'], state: { a: 'é"\\' }, nonce: 'n' }
  const text = packParameters({ ...kept, client_secret: 'secret', login_verifier: 'x', foo: 'bar' }) ?? ''
  assert.ok(!text.includes('\u0000') && !text.includes('secret'))
  assert.deepEqual(unpackParameters(text), kept)
})

test('more than 16 KiB of parameters are not stored, measured in bytes', () => {
  assert.notEqual(packParameters({ state: 's'.repeat(16_000) }), undefined)
  assert.equal(packParameters({ state: 's'.repeat(16_400) }), undefined)
  assert.equal(packParameters({ state: '\u65e5'.repeat(6_000) }), undefined)
})

test('consent drops the parameters that the consent form does not send back', () => {
  const parameters = { client_id: 'a', response_mode: 'fragment', prompt: 'consent', max_age: '1', state: 's' }
  assert.deepEqual(consentParameters(parameters), { client_id: 'a', state: 's' })
})

test('only prompt=none alone counts as none', () => {
  for (const prompt of ['none', ' none ', 'none none']) assert.ok(isPromptNone({ prompt }), prompt)
  for (const prompt of ['', 'none login', 'NONE', ['none'], 'login']) assert.ok(!isPromptNone({ prompt }))
})

test('a sign-in satisfies max_age, login and select_account, and leaves other prompts in place', () => {
  assert.deepEqual(afterSignIn({ prompt: 'login', max_age: '5', state: 's' }), { state: 's' })
  assert.deepEqual(afterSignIn({ prompt: 'consent select_account login' }), { prompt: 'consent' })
  assert.deepEqual(afterSignIn({ state: 's' }), { state: 's' })
})
