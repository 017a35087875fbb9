import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assumptionInWords, assumptionOf, readExplainSearch } from './explain-search.ts'
import { readPasted } from './read-pasted.ts'

describe('what a person pastes', () => {
  test('is a request with its headers and body', () => {
    const text =
      'post /oauth/token HTTP/1.1\r\nHost: gitlab.example\r\nContent-Type: application/json\r\n\r\n{"client_id":"a"}\n'
    assert.deepEqual(readPasted(text), {
      kind: 'request',
      request: {
        ...{ method: 'POST', path: '/oauth/token', body: '{"client_id":"a"}' },
        headers: { Host: 'gitlab.example', 'Content-Type': 'application/json' },
      },
    })
  })

  test('is an address, of which only the path is sent', () => {
    const request = { method: 'GET', path: '/oauth/authorize?client_id=a', headers: {} }
    for (const text of ['https://gitlab.example/oauth/authorize?client_id=a#x', ' /oauth/authorize?client_id=a ']) {
      assert.deepEqual(readPasted(text), { kind: 'request', request })
    }
    assert.deepEqual(readPasted('GET https://gitlab.example'), {
      kind: 'request',
      request: { method: 'GET', path: '/', headers: {} },
    })
  })

  test('is a list of client ids, each of them once', () => {
    assert.deepEqual(readPasted('a, b\nc;a'), { kind: 'clients', clients: ['a', 'b', 'c'] })
    assert.equal(readPasted(Array.from({ length: 1_001 }, (_, at) => at).join(' ')).kind, 'unreadable')
  })

  test('is a correlation id, or a line of the log that it leads to', () => {
    const id = '3d8c8d9b-691d-4055-9878-7a3cf047e584'
    assert.deepEqual(readPasted(id), { kind: 'correlation', id })
    assert.equal(readPasted('01KBAXJ9Q4W9F4Z5Y6T7V8W9XA').kind, 'correlation')
    const line = { time: '2026-11-30T14:00:00Z', correlation_id: id, client_id: null, destination: 'iam', reason: 'x' }
    assert.deepEqual(readPasted(JSON.stringify(line)), {
      kind: 'decision',
      decision: { destination: 'iam', reason: 'x', client: undefined, at: line.time, correlationId: id },
    })
  })

  test('is refused with the reason when it cannot be read', () => {
    for (const text of ['{"a":1}', '{', 'GET /a\nno header', '/straße']) {
      assert.equal(readPasted(text).kind, 'unreadable', text)
    }
    assert.deepEqual(readPasted(' \n'), { kind: 'nothing' })
  })
})

describe('the address of an explanation', () => {
  test('names the assumption, which is the brake or a state of the flag', () => {
    assert.deepEqual(assumptionOf('brake'), { brake: true })
    assert.deepEqual(assumptionOf('12.5'), { brake: false, percentage_of_actors: 12.5 })
    for (const text of ['101', '-1', '1e2', 'x', undefined]) assert.equal(assumptionOf(text), undefined)
    assert.equal(assumptionInWords('25'), 'the flag on for 25 % of applications')
    assert.deepEqual(readExplainSearch({ ask: ' ', assume: '999' }), {})
    assert.deepEqual(readExplainSearch({ ask: 'a', assume: 'all' }), { ask: 'a', assume: 'all' })
  })
})
