import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isSuspiciousRemoval, planRepairs } from './comparison.ts'
import { outcomeOf } from './http-targets.ts'
import type { KnownDelivery } from './progress.ts'

const known = (id: number, over: Partial<KnownDelivery> = {}): KnownDelivery => ({
  id,
  clientId: `client-${id}`,
  event: 'upsert',
  version: 3,
  deliveredVersion: 3,
  reportedVersion: null,
  ...over,
})
const held = (id: number, version = 3, clientId = `client-${id}`) => ({ id, clientId, version })

describe('a reconciliation plans', () => {
  test('nothing when both sides agree', () => {
    assert.deepEqual(planRepairs([held(1)], [known(1)]), { resend: [], confirm: [], remove: [], ahead: [] })
  })

  test('to resend what the target lacks or has in an older version, although it was delivered', () => {
    assert.deepEqual(planRepairs([held(2, 2)], [known(1), known(2)]).resend, [1, 2])
  })

  test('nothing for what is already pending', () => {
    assert.deepEqual(planRepairs([], [known(1, { deliveredVersion: null })]).resend, [])
  })

  test('to record what the target already has', () => {
    const plan = planRepairs([held(1)], [known(1, { deliveredVersion: null })])
    assert.deepEqual(plan.confirm, [{ id: 1, version: 3, reportedVersion: null, error: null, wait: 'none' }])
  })

  test('to correct what a target holds about the confirmation of another target', () => {
    const plan = planRepairs([{ ...held(1), reportedVersion: 2 }], [known(1, { reportedVersion: 3 })])
    assert.equal(plan.confirm[0]?.reportedVersion, 2)
  })

  test('to remove what is gone from the source, and what is stored under another client_id', () => {
    const plan = planRepairs([held(9, 5), held(1, 3, 'stranger')], [known(1)])
    assert.deepEqual(plan.remove, [
      { id: 9, clientId: 'client-9', version: 6 },
      { id: 1, clientId: 'stranger', version: 4 },
    ])
    assert.deepEqual(plan.resend, [1])
  })

  test('to remove what is deleted at the source', () => {
    assert.equal(planRepairs([held(1)], [known(1, { event: 'delete', version: 4 })]).remove.length, 1)
  })

  test('a higher version for what the target has in a newer version, which counts as not delivered', () => {
    const plan = planRepairs([held(1, 8)], [known(1)])
    assert.deepEqual(plan, { resend: [], confirm: [], remove: [], ahead: [held(1, 8)] })
  })
})

describe('a suspicious number of removals', () => {
  test('is not carried out', () => {
    assert.equal(isSuspiciousRemoval(0, 0), false)
    assert.equal(isSuspiciousRemoval(1, 1), true, 'all there are')
    assert.equal(isSuspiciousRemoval(8, 8), true)
    assert.equal(isSuspiciousRemoval(3, 8), true)
    assert.equal(isSuspiciousRemoval(1, 2), false)
    assert.equal(isSuspiciousRemoval(24, 100), false)
    assert.equal(isSuspiciousRemoval(26, 100), true)
  })
})

describe('the status of a delivery', () => {
  for (const [method, status, kind] of [
    ['PUT', 200, 'delivered'],
    ['PUT', 204, 'delivered'],
    ['PUT', 409, 'delivered'],
    ['DELETE', 404, 'delivered'],
    ['PUT', 404, 'unreachable'],
    ['PUT', 400, 'rejected'],
    ['PUT', 422, 'rejected'],
    ['PUT', 401, 'unreachable'],
    ['PUT', 500, 'failed'],
    ['PUT', 502, 'failed'],
    ['PUT', 503, 'unreachable'],
    ['PUT', 302, 'unreachable'],
  ] as const) {
    test(`${status} to ${method} means ${kind}`, () => assert.equal(outcomeOf(method, status).kind, kind))
  }
})
