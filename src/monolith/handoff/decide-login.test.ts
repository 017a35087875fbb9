import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideLogin } from './login-challenge.ts'

for (const [wants, isSignedIn, hasSignedInForThis, step] of [
  ['', false, false, 'ask'],
  ['', true, false, 'accept'],
  ['reauthenticate', false, false, 'ask'],
  ['reauthenticate', true, false, 'end_session_and_ask'],
  ['reauthenticate', true, true, 'accept'],
  ['prompt_none', false, false, 'reject'],
  ['prompt_none', true, false, 'accept'],
  ['prompt_none reauthenticate', true, false, 'reject'],
  ['prompt_none reauthenticate', false, false, 'reject'],
] as const) {
  const who = isSignedIn ? 'somebody signed in' : 'nobody signed in'
  const again = hasSignedInForThis ? ', by this very challenge' : ''
  test(`a challenge (${wants || 'plain'}) with ${who}${again} leads to ${step}`, () => {
    const request = { prompt_none: wants.includes('prompt_none'), reauthenticate: wants.includes('reauthenticate') }
    assert.equal(decideLogin(request, isSignedIn, hasSignedInForThis), step)
  })
}
