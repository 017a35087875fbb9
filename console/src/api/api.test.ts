import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApiProblem, isPassing, lateProblem, problemOf, sentenceOf, unreachableProblem } from './problem.ts'
import { isAffected, mayRefresh } from './query-client.ts'

describe('a problem of the API', () => {
  test('is shown as the sentence of its detail, with its code, fields and request', () => {
    const errors = [{ field: 'dwell', rule: 'must be at least 15m' }]
    const problem = problemOf(
      400,
      JSON.stringify({ detail: 'dwell: must be at least 15m', code: 'invalid_request', errors, request_id: 'r1' }),
    )
    assert.equal(sentenceOf(problem), 'Dwell: must be at least 15m.')
    assert.deepEqual([problem.code, problem.requestId, problem.errors], ['invalid_request', 'r1', errors])
  })

  test('has a sentence of its own when the answer is no problem document', () => {
    assert.equal(sentenceOf(problemOf(502, '<html>Bad gateway</html>')), 'The control plane failed (status 502).')
    assert.equal(sentenceOf(problemOf(404, '')), 'This does not exist, or no longer does.')
    assert.equal(sentenceOf(problemOf(409, '{"message":"409 Conflict - it is at version 3"}')), 'It is at version 3.')
    assert.match(sentenceOf(new TypeError('x is not a function')), /^The console failed/)
  })

  test('may pass by itself when nothing was wrong with the request', () => {
    const passing = [lateProblem(10_000), unreachableProblem(false), problemOf(503, ''), problemOf(429, '')]
    const lasting = [problemOf(401, ''), problemOf(403, ''), problemOf(404, ''), new TypeError('x')]
    assert.deepEqual([passing.every(isPassing), lasting.some(isPassing)], [true, false])
  })

  test('of a session that ended leads to sign-in', () => {
    assert.equal(problemOf(401, '{}').kind, 'signed_out')
    assert.ok(problemOf(401, '{}') instanceof ApiProblem)
  })
})

describe('a query', () => {
  test('is affected by the topics that its key begins with or its meta names', () => {
    const list = { queryKey: ['rollouts', 'list', 'production'], meta: undefined }
    const one = { queryKey: ['rollouts', 12], meta: undefined }
    const overview = { queryKey: ['overview', 'production'], meta: { topics: ['rollouts'] } }
    const affected = (topic: string) => [list, one, overview].map((query) => isAffected(query, [topic]))
    assert.deepEqual(affected('rollouts'), [true, true, true])
    assert.deepEqual(affected('rollouts/12'), [false, true, true])
    assert.deepEqual(affected('flags'), [false, false, false])
  })

  test('on which a person decides is never read again on its own', () => {
    assert.deepEqual([mayRefresh({ meta: { isFrozen: true } }), mayRefresh({ meta: undefined })], [false, true])
  })
})
