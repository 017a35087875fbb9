import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextStep, type Seen } from './next-step.ts'

const seen = (side: Seen['side'], held: Seen['held']): Seen => ({
  ...{ side, held, web: { id: 7, name: 'Demo web app' } },
  command: (text) => `./bin/handover ${text}`,
})

const steps: ReadonlyArray<readonly [string, Seen, RegExp, string?]> = [
  ['a first visitor signs in', seen('monolith', []), /^Sign in with the Demo web app/],
  ['a visitor with tokens of the monolith moves the application', seen('monolith', ['monolith']), /^Move/, 'true'],
  ['after the move the visitor signs in again', seen('IAM', ['monolith']), /^The Demo web app is on IAM now/],
  ['with tokens of both the visitor tries the old ones', seen('IAM', ['IAM', 'monolith']), /monolith below/, 'false'],
  [
    'with tokens of IAM alone the visitor moves it back',
    seen('IAM', ['IAM', 'IAM']),
    /^Bring the application/,
    'false',
  ],
  ['once it is back the visitor tries the tokens of IAM', seen('monolith', ['monolith', 'IAM']), /tokens of IAM below/],
  ['without an answer of the control plane there is a step too', seen(undefined, ['monolith']), /^Move/, 'true'],
]

for (const [what, given, text, flag] of steps) {
  test(what, () => {
    const step = nextStep(given)
    assert.match(step.text, text)
    const command = `./bin/handover flag set proxy_oauth_requests_to_iam_service ${flag} --oauth-application=7`
    assert.equal(step.command, flag === undefined ? undefined : command)
  })
}
