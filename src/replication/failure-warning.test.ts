import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BUSY_ELSEWHERE } from './deliver.ts'
import { needsWarning } from './failure-warning.ts'

const REFUSED = 'GET http://127.0.0.1:8080/api/v1/application-digests: ECONNREFUSED'

test('a target that does not listen is worth a warning only once the parts have had time to start', () => {
  assert.equal(needsWarning(REFUSED, 500), false)
  assert.equal(needsWarning(REFUSED, 10_000), true)
})

test('a target that answers with an error is worth a warning from the start', () => {
  assert.equal(needsWarning('PUT http://127.0.0.1:8080/api/v1/applications/1: 401', 0), true)
})

test('another process that delivers is never worth a warning', () => {
  assert.equal(needsWarning(BUSY_ELSEWHERE, 60_000), false)
})
