import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OFF } from '../flags/index.ts'
import { readPlanObject } from './plan/read-plan.ts'
import { refusedActions } from './refused-actions.ts'
import { DRAFT, type Rollout } from './rollout.ts'

const alice = { by: 'alice', role: 'operator', channel: 'console', from: null }
const facts = {
  flag: { state: null, version: 0, effective: OFF },
  ...{ brake: { on: false }, needsSecondPerson: true, decision: 'rollout-1-2', at: '2026-11-30T12:00:00Z' },
}

function running(changes: Partial<Rollout> = {}): Rollout {
  const written = { version: 1, name: 'wave', flag: 'proxy_oauth_requests_to_iam_service', environment: 'production' }
  const read = readPlanObject(written, { now: undefined, allowsShort: false })
  assert.ok('plan' in read)
  const applications = { gates: null, applications: [7] }
  const course = { ...DRAFT, state: 'running', step: 1, startedBy: 'alice', reached: [applications, applications] }
  return { ...course, id: 1, version: 1, plan: read.plan, ...changes } as Rollout
}

describe('what a person cannot do with a rollout now', () => {
  test('names the second person who must approve, but only to the one who started it', () => {
    assert.match(refusedActions(running(), alice, facts).get('approve') ?? '', /another person must approve/)
    assert.equal(refusedActions(running(), { ...alice, by: 'bob' }, facts).get('approve'), undefined)
  })

  test('counts a reason as given and an application as chosen, where there is one', () => {
    const refused = refusedActions(running(), alice, facts)
    assert.equal(refused.has('next') || refused.has('exclude') || refused.has('back'), false)
    assert.equal(refused.get('retry'), 'no application was taken back')
    assert.equal(refused.get('start'), 'start is not possible in state running')
  })

  test('refuses what increases while the brake is on, and nothing that protects', () => {
    const refused = refusedActions(running(), alice, { ...facts, brake: { on: true } })
    assert.equal(refused.get('next'), 'the brake is on; release it first')
    assert.equal(refused.has('pause') || refused.has('abort') || refused.has('back'), false)
  })
})
