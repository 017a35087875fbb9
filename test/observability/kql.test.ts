import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileKql } from './kql.ts'

const line = { event: 'oauth:auth', status: 200, client_id: null, msg: 'one two' }
const cases: ReadonlyArray<readonly [string, boolean]> = [
  ['event : "oauth:auth"', true],
  ['event : "oauth:*"', false],
  ['msg : "one"', false],
  ['status : 200 and msg : "one two"', true],
  ['status : 404 or msg : "one two"', true],
  ['not status : 200', false],
  ['status : *', true],
  ['client_id : *', false],
  ['absent : *', false],
  ['(status : 404 or status : 200) and not event : "x"', true],
]
for (const [query, expected] of cases) {
  test(`${query} ${expected ? 'matches' : 'does not match'}`, () => assert.equal(compileKql(query)(line), expected))
}

for (const query of ['', 'msg', 'msg :', 'status >= 200', 'msg : on*', 'a : 1 b : 2', '(a : 1', 'a : {x}']) {
  test(`${JSON.stringify(query)} is refused instead of guessed`, () => assert.throws(() => compileKql(query)))
}
