import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COMPATIBILITY } from '../model/compatibility.ts'
import type { Parameters } from '../parameters/value.ts'
import { seedOwner } from '../testing/seed.ts'
import { type PromptOutcome, promptOutcome } from './prompts.ts'

const NOW = 2_000_000_000
const NEWER = { now: NOW, compatibility: COMPATIBILITY['5.9'] }
const OLDER = { now: NOW, compatibility: COMPATIBILITY['5.5'] }
const alice = { ...seedOwner('alice'), authTime: NOW - 100 }

interface Row {
  readonly parameters: Parameters
  readonly out?: boolean
  readonly consented?: boolean
  readonly outcome: PromptOutcome
}

const ROWS: readonly Row[] = [
  { parameters: {}, outcome: { kind: 'proceed' } },
  { parameters: { prompt: '' }, outcome: { kind: 'proceed' } },
  { parameters: { prompt: 'none' }, consented: true, outcome: { kind: 'proceed' } },
  { parameters: { prompt: 'none' }, outcome: { kind: 'error', error: 'consent_required' } },
  { parameters: { prompt: 'none' }, out: true, outcome: { kind: 'error', error: 'login_required' } },
  { parameters: { prompt: 'none login' }, outcome: { kind: 'error', error: 'invalid_request' } },
  { parameters: { prompt: ['none'] }, out: true, outcome: { kind: 'error', error: 'invalid_request' } },
  { parameters: { prompt: {} }, outcome: { kind: 'error', error: 'invalid_request' } },
  { parameters: { prompt: '\t' }, outcome: { kind: 'error', error: 'invalid_request' } },
  { parameters: { prompt: '  ' }, outcome: { kind: 'proceed' } },
  { parameters: { prompt: 'bogus' }, outcome: { kind: 'error', error: 'invalid_request' } },
  { parameters: { prompt: 'consent' }, consented: true, outcome: { kind: 'consent' } },
  { parameters: { prompt: 'consent' }, out: true, outcome: { kind: 'proceed' } },
  { parameters: { prompt: 'login', b: '2', a: 'x y' }, outcome: { kind: 'reauthenticate', returnQuery: 'a=x+y&b=2' } },
  { parameters: { prompt: 'login consent' }, outcome: { kind: 'reauthenticate', returnQuery: 'prompt=consent' } },
  { parameters: { prompt: 'login' }, out: true, outcome: { kind: 'proceed' } },
  { parameters: { prompt: 'select_account' }, outcome: { kind: 'select_account', returnQuery: '' } },
  { parameters: { max_age: '99' }, outcome: { kind: 'reauthenticate', returnQuery: 'max_age=99' } },
  { parameters: { max_age: '100' }, outcome: { kind: 'proceed' } },
  { parameters: { max_age: '0' }, outcome: { kind: 'reauthenticate', returnQuery: 'max_age=0' } },
  { parameters: { max_age: '00' }, outcome: { kind: 'proceed' } },
  { parameters: { max_age: '-1' }, outcome: { kind: 'proceed' } },
  { parameters: { prompt: 'create' }, outcome: { kind: 'proceed' } },
  { parameters: { prompt: 'create consent' }, outcome: { kind: 'consent' } },
  { parameters: { max_age: 'abc' }, outcome: { kind: 'proceed' } },
  {
    parameters: { max_age: '1', prompt: 'none' },
    consented: true,
    outcome: { kind: 'error', error: 'login_required' },
  },
]

describe('the OpenID Connect parameters of an authorization request', () => {
  for (const { parameters, out, consented, outcome } of ROWS) {
    const who = out ? 'logged out' : consented ? 'consented' : 'signed in'
    it(`${JSON.stringify(parameters)} while ${who} result in ${outcome.kind}`, () => {
      assert.deepEqual(promptOutcome(parameters, out ? undefined : alice, consented ?? false, NEWER), outcome)
    })
  }

  it('are parsed in one pass, however many spaces a prompt contains', () => {
    const parameters = { prompt: `none${' '.repeat(1_000_000)}x` }
    assert.deepEqual(promptOutcome(parameters, undefined, false, NEWER), { kind: 'error', error: 'invalid_request' })
    assert.deepEqual(promptOutcome({ prompt: 'none  ' }, alice, true, NEWER), { kind: 'proceed' })
    assert.deepEqual(promptOutcome({ prompt: ' none' }, alice, true, NEWER), {
      kind: 'error',
      error: 'invalid_request',
    })
  })

  it('accept a sign-in in the current second with `max_age=0`', () => {
    const justNow = { ...alice, authTime: NOW - 1 }
    assert.deepEqual(promptOutcome({ max_age: '0' }, justNow, false, NEWER), { kind: 'proceed' })
  })

  it('have fewer effects in the older version', () => {
    assert.deepEqual(promptOutcome({ max_age: '0' }, alice, false, OLDER), { kind: 'proceed' })
    const unknown = promptOutcome({ prompt: 'create' }, alice, false, OLDER)
    assert.deepEqual(unknown, { kind: 'error', error: 'invalid_request' })
  })
})
