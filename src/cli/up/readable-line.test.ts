import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readableLine } from './readable-line.ts'

const DECISION = {
  ...{ level: 'info', time: '2026-01-02T03:04:05.678Z', component: 'gateway', subcomponent: 'workhorse' },
  ...{
    correlation_id: 'c',
    method: 'GET',
    path: '/oauth/authorize',
    endpoint: 'authorize',
    client_id: 'ab'.repeat(32),
  },
  ...{
    application_id: 1,
    destination: 'iam',
    reason: 'flag_enabled',
    flag_version: 7,
    status: 302,
    duration_ms: 12.345,
  },
  msg: 'iamproxy: routing decision',
}

/** Without the time of day, which depends on the time zone. */
function read(entry: object): string | undefined {
  return readableLine(JSON.stringify(entry))?.replace(/^\d\d:\d\d:\d\d {2}/, '')
}

describe('a readable log line', () => {
  test('shows a routing decision and its reason', () => {
    assert.equal(read(DECISION), 'GET /oauth/authorize -> iam (flag_enabled)  application 1  302  12 ms')
  })

  test('shows the OAuth error of the response', () => {
    const failed = { ...DECISION, status: 400, oauth_error: 'invalid_grant' }
    assert.equal(read(failed), 'GET /oauth/authorize -> iam (flag_enabled)  application 1  400 invalid_grant  12 ms')
  })

  test('shows the client if the application is unknown', () => {
    const unknown = { ...DECISION, application_id: null, destination: 'rails', reason: 'unknown_client' }
    assert.match(read(unknown) ?? '', /\(unknown_client\) {2}client abababababababab\.\.\. {2}302/)
    assert.doesNotMatch(read({ ...unknown, client_id: null }) ?? '', /client ab|client null/)
  })

  test('shows warnings and errors with their cause, and nothing else', () => {
    const warning = { level: 'warn', time: DECISION.time, component: 'iam', msg: 'the store is slow' }
    assert.equal(read(warning), 'warning  iam: the store is slow')
    const error = { ...warning, level: 'error', err: { type: 'Error', message: 'connection lost' } }
    assert.equal(read(error), 'error  iam: the store is slow (connection lost)')
    assert.equal(read({ ...warning, level: 'info' }), undefined)
    assert.equal(readableLine('not JSON'), undefined)
    assert.equal(readableLine('{"broken'), undefined)
  })

  test('contains no character that a terminal could interpret', () => {
    const hostile = {
      ...DECISION,
      path: '/oauth/\u001b[2Jauthorize\u009b',
      client_id: '\u001b]0;title',
      application_id: null,
    }
    assert.match(read(hostile) ?? '', /^[\x20-\x7e]+$/)
  })
})
