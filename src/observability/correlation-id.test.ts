import assert from 'node:assert/strict'
import { test } from 'node:test'
import { givenCorrelationId } from './correlation-id.ts'

test('a correlation id is accepted if it is safe to log and forward unchanged', () => {
  for (const id of ['abc-123', 'a:b', 'edge.1_2', 'x'.repeat(255)]) assert.equal(givenCorrelationId(id), id)
  for (const odd of ['', '"><x', 'a b', 'a/b', 'é', 'x\n', 'x'.repeat(256), ['a', 'b'], undefined]) {
    assert.equal(givenCorrelationId(odd), undefined, JSON.stringify(odd))
  }
})
