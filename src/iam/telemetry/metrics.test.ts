import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIamMetrics, errorOf } from './metrics.ts'

const reply = (status: number, headers: Array<[string, string]>, body = '') => ({ status, headers, body })
const JSON_TYPE: [string, string] = ['Content-Type', 'application/json; charset=utf-8']

test('an OAuth error is found in a body, a challenge or a redirect', () => {
  assert.equal(errorOf(reply(400, [JSON_TYPE], '{"error":"invalid_grant"}')), 'invalid_grant')
  assert.equal(errorOf(reply(401, [['WWW-Authenticate', 'Bearer realm="x", error="invalid_token"']])), 'invalid_token')
  assert.equal(errorOf(reply(302, [['Location', 'https://x.test/?error=access_denied&state=1']])), 'access_denied')
})

test('an answer without one has none, and an unknown text is never a label', () => {
  assert.equal(errorOf(reply(200, [JSON_TYPE], '{"error":"invalid_grant"}')), undefined)
  assert.equal(errorOf(reply(302, [['Location', 'https://x.test/?code=1']])), undefined)
  assert.equal(errorOf(reply(400, [JSON_TYPE], 'not json')), undefined)
  assert.equal(errorOf(reply(400, [JSON_TYPE], '{"error":"made-up"}')), 'other')
  assert.equal(errorOf(reply(302, [['Location', 'https://x.test/?error=%22made%22']])), 'other')
})

test('while the store is down, all metrics that do not depend on it are still served', async () => {
  const metrics = createIamMetrics(() => Promise.reject(new Error('the store is down')))
  metrics.grant({ grantType: 'refresh_token', clientId: undefined, applicationId: undefined })
  const { text } = await metrics.text()
  assert.match(text, /^handover_iam_grants_total\{grant_type="refresh_token"\} 1$/m)
  assert.match(text, /^handover_iam_security_events_total\{kind="refresh_token_reuse"\} 0$/m)
  assert.match(text, /^process_cpu_seconds_total /m)
  assert.doesNotMatch(text, /^handover_iam_challenges_open\{/m)
})
