import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Learner } from '../../ledger/learning.ts'
import { failedResponse } from './failed-response.ts'
import { type InspectedHead, inspectResponse } from './response-inspection.ts'

const NOTHING_LEARNED = { ledger: {}, keys: undefined, marksIamFlows: false } as unknown as Learner

function inspected(body: string, over: Partial<InspectedHead> = {}) {
  const head = {
    endpoint: 'token',
    side: 'legacy',
    status: 200,
    isJson: true,
    headers: [],
    mayHandOver: false,
  } as const
  const inspection = inspectResponse(NOTHING_LEARNED, { ...head, ...over })
  for (const piece of [body.slice(0, 7), body.slice(7)]) inspection?.see(Buffer.from(piece))
  return inspection
}

describe('the inspection of a response', () => {
  test('names the members of its JSON object and the credentials that it issues', () => {
    const response = inspected('{"access_token":"a1","refresh_token":"r1","expires_in":60}')
    assert.deepEqual(response?.memberNames(), ['access_token', 'refresh_token', 'expires_in'])
    assert.deepEqual(
      response?.issued().map(({ type, value }) => [type, value]),
      [
        ['access_token', 'a1'],
        ['refresh_token', 'r1'],
      ],
    )
    assert.equal(response?.grants, true)
  })

  test('finds the OAuth error of a failing response, which issues nothing', () => {
    const response = inspected('{"error":"invalid_grant","access_token":"a1"}', { status: 400 })
    assert.deepEqual([response?.oauthError, response?.issued(), response?.grants], ['invalid_grant', [], false])
  })

  test('finds no members in an array, in other JSON, in broken JSON, or in more than 32 KiB', () => {
    for (const body of ['["access_token"]', '"access_token"', 'null', '{"a":', `{"a":"${'x'.repeat(33 << 10)}"}`]) {
      const response = inspected(body)
      assert.deepEqual([response?.memberNames(), response?.issued()], [undefined, []], body.slice(0, 20))
    }
  })

  test('does not take place for a page, or for a successful response that issues nothing', () => {
    assert.equal(inspected('<html>', { isJson: false }), undefined)
    assert.equal(inspected('{}', { endpoint: 'introspect' }), undefined)
  })
})

describe('a response shows that its side failed', () => {
  const html = ['Content-Type', 'text/html; charset=utf-8']
  const cases = [
    ['with status 500', failedResponse('token', 500, []), 'server_error'],
    ['with an HTML page for a program', failedResponse('token', 200, html), 'unexpected_content_type'],
    ['not with an HTML page for a browser', failedResponse('authorize', 200, html), undefined],
    ['not with an error page that its side chose', failedResponse('token', 404, html), undefined],
    ['not with JSON', failedResponse('token', 200, ['Content-Type', 'application/json']), undefined],
  ] as const
  for (const [name, failure, expected] of cases) test(name, () => assert.equal(failure, expected))
})
