import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExchangeRecord } from './exchange-record.ts'
import { RecentOutcomes } from './recent-outcomes.ts'

const MINUTE = 60_000
const outcome = (over: Partial<ExchangeRecord> = {}): ExchangeRecord => ({
  ...{ method: 'POST', path: '/oauth/token', correlationId: 'c', endpoint: 'token', clientId: 'client' },
  ...{
    applicationId: 1,
    destination: 'iam',
    reason: 'flag_enabled',
    flagVersion: 1,
    isBrakeOn: false,
    ending: 'complete',
  },
  ...{ status: 401, durationMs: 1, oauthError: 'invalid_client', granted: false, ...over },
})
const granted = { status: 200, oauthError: undefined, granted: true }

test('failures and successes of each application at IAM are counted, with the last error', () => {
  const outcomes = new RecentOutcomes(() => 0)
  for (let at = 0; at < 3; at++) outcomes.count(outcome(), 1)
  outcomes.count(outcome({ oauthError: 'invalid_scope', status: 400 }), 1)
  outcomes.count(outcome(granted), 2)
  outcomes.count(outcome({ endpoint: 'introspect', status: 200, oauthError: undefined }), 2)
  assert.deepEqual(outcomes.report(), [
    { id: 1, successes: 0, failures: 4, error: 'invalid_scope' },
    { id: 2, successes: 2, failures: 0, error: undefined },
  ])
})

test('decisions of users, steps of a flow, pages, an IAM that is down, and the other side do not count', () => {
  const outcomes = new RecentOutcomes(() => 0)
  for (const oauthError of ['access_denied', 'login_required', 'authorization_pending', 'slow_down', 'expired_token']) {
    outcomes.count(outcome({ oauthError, status: 400 }), 1)
  }
  outcomes.count(outcome({ oauthError: 'temporarily_unavailable', status: 503 }), 1)
  outcomes.count(outcome({ endpoint: 'authorize', status: 302, oauthError: undefined }), 1)
  outcomes.count(outcome({ destination: 'legacy' }), 1)
  assert.deepEqual(outcomes.report(), [])
})

test('outcomes older than ten minutes are forgotten', () => {
  let now = 0
  const outcomes = new RecentOutcomes(() => now)
  outcomes.count(outcome(), 1)
  now = 5 * MINUTE
  assert.equal(outcomes.report()[0]?.failures, 1)
  outcomes.count(outcome(granted), 1)
  now = 10 * MINUTE
  assert.deepEqual(outcomes.report(), [{ id: 1, successes: 1, failures: 0, error: undefined }])
  now = 30 * MINUTE
  assert.deepEqual(outcomes.report(), [])
})

test('with many applications the failing ones are reported, and memory is bounded', () => {
  const outcomes = new RecentOutcomes(() => 0)
  for (let id = 1; id <= 20_000; id++) outcomes.count(outcome(id === 5_000 ? {} : granted), id)
  const report = outcomes.report()
  assert.equal(report.length, 100)
  assert.deepEqual(report[0], { id: 5_000, successes: 0, failures: 1, error: 'invalid_client' })
})
