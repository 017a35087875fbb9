import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type FlagState, OFF, ON } from '../../flags/index.ts'
import { channelRefusal } from './channel.ts'
import { consistencyRefusal } from './consistency.ts'
import { type GatewayFacts, type ProductionFacts, productionObstacles } from './production-check.ts'
import { isRolloutIncrease } from './rollout-increase.ts'
import { DEFAULT_RULES } from './settings.ts'
import { stepLimitRefusal } from './step-limit.ts'

const share = (percentage: number): FlagState => ({ ...OFF, percentage_of_actors: percentage })
const A = 'Authn::OauthApplication:1'

test('only a change that adds applications is a step towards IAM', () => {
  const rows: ReadonlyArray<readonly [FlagState, FlagState, boolean]> = [
    [OFF, ON, true],
    [ON, OFF, false],
    [OFF, share(0.001), true],
    [share(50), share(10), false],
    [share(50), ON, true],
    [OFF, { ...OFF, actors: [A] }, true],
    [{ ...OFF, actors: [A] }, OFF, false],
    [OFF, { ...OFF, feature_groups: ['pilots'] }, true],
    [OFF, { ...OFF, percentage_of_time: 1 }, true],
    [ON, { ...ON, opted_out: [A] }, false],
    [{ ...ON, opted_out: [A] }, ON, true],
    [{ ...ON, opted_out: [A] }, OFF, false],
  ]
  for (const [before, after, is] of rows)
    assert.equal(isRolloutIncrease(before, after), is, JSON.stringify([before, after]))
})

test('an unchanged state is not a step towards IAM', () => {
  const state = fc.record({
    boolean: fc.boolean(),
    actors: fc.subarray([A, 'b', 'c']),
    percentage_of_actors: fc.integer({ min: 0, max: 100 }),
    percentage_of_time: fc.constant(0),
    feature_groups: fc.subarray(['x', 'y']),
    opted_out: fc.subarray([A, 'b']),
  })
  fc.assert(fc.property(state, (same) => !isRolloutIncrease(same, same)))
})

test('production can be changed only from its channel, other environments from any channel', () => {
  const rules = { productionChannel: 'C1', allowsProductionFromApi: false }
  assert.equal(channelRefusal('production', 'C1', rules), undefined)
  assert.match(channelRefusal('production', 'C2', rules) ?? '', /<#C1> only/)
  assert.match(channelRefusal('production', undefined, rules) ?? '', /C1 only/)
  assert.equal(channelRefusal('production', undefined, { ...rules, allowsProductionFromApi: true }), undefined)
  assert.match(channelRefusal('production', 'C2', { ...rules, allowsProductionFromApi: true }) ?? '', /only/)
  assert.equal(channelRefusal('staging', 'C2', rules), undefined)
  assert.equal(channelRefusal('production', 'C2', DEFAULT_RULES), undefined)
})

test('an opt-out alone does not count as staging being on', () => {
  const facts = { environment: 'production', before: OFF, after: ON, production: OFF } as const
  assert.match(
    consistencyRefusal({ ...facts, staging: { ...OFF, opted_out: [A] } }, true) ?? '',
    /staging comes before/,
  )
  assert.equal(consistencyRefusal({ ...facts, staging: { ...OFF, actors: [A] } }, true), undefined)
  assert.equal(consistencyRefusal({ ...facts, before: ON, after: OFF, staging: OFF }, false), undefined)
})

test('a step has a maximum size and, unless it is the first, a minimum time since the previous one', () => {
  const rules = { maxStepPoints: 25, minStepMs: 900_000 }
  const now = 10_000_000
  const say = (before: FlagState, after: FlagState, lastIncreaseAt?: number) =>
    stepLimitRefusal({ before, after, lastIncreaseAt, now }, rules)
  assert.equal(say(OFF, share(25)), undefined)
  assert.match(say(OFF, share(25.001)) ?? '', /more than 25 points/)
  assert.match(say(share(50), ON) ?? '', /from 50 % to 100 %/)
  assert.match(say(share(1), share(2), now - 899_999) ?? '', /wait 1 min/)
  assert.equal(say(share(1), share(2), now - 900_000), undefined)
  assert.equal(say(share(1), { ...share(1), actors: [A] }, now - 1), undefined)
})

describe('the production check', () => {
  const gateway: GatewayFacts = {
    ...{ name: 'one', isConnected: true, behindMs: 0, isCircuitOpen: false, isBrakeOn: false },
    ...{ openApplications: [], applications: [] },
    ...{ legacy: { requests: 1_000, failures: 1 }, iam: { requests: 1_000, failures: 1 } },
  }
  const failing = (failures: number, successes: number): GatewayFacts => ({
    ...gateway,
    applications: [{ id: 7, successes, failures, error: 'invalid_client' }],
  })
  const calm: ProductionFacts = { gateways: [gateway], brake: { on: false, reason: '' }, alarms: [], now: 0 }
  const judge = (facts: Partial<ProductionFacts>, rules = {}) =>
    productionObstacles({ ...calm, ...facts }, { ...DEFAULT_RULES, ...rules })

  test('passes when all is well, and accepts a gateway that has not reported', () => {
    assert.deepEqual(judge({}), [])
    const silent = {
      ...gateway,
      behindMs: null,
      isCircuitOpen: null,
      isBrakeOn: null,
      legacy: null,
      iam: null,
      openApplications: null,
      applications: null,
    }
    assert.deepEqual(judge({ gateways: [silent] }), [])
  })

  test('lists each obstacle, and whether it may pass', () => {
    const rows: ReadonlyArray<readonly [Partial<ProductionFacts>, RegExp, boolean]> = [
      [{ gateways: [] }, /0 gateways are connected; at least 1 required/, true],
      [{ gateways: [gateway, { ...gateway, behindMs: 10_001 }] }, /one has not applied the newest flags/, true],
      [{ gateways: [{ ...gateway, isCircuitOpen: true }] }, /circuit is open at one/, true],
      [{ gateways: [{ ...gateway, iam: { requests: 20, failures: 5 } }] }, /IAM failed 5 of 20/, true],
      [{ gateways: [{ ...gateway, legacy: { requests: 50, failures: 11 } }] }, /the monolith failed 11 of 50/, true],
      [{ gateways: [{ ...gateway, openApplications: [3] }] }, /the circuit of application 3 is open/, true],
      [
        { gateways: [gateway, failing(9, 0), { ...failing(3, 1), name: 'two' }] },
        /application 7 fails at IAM: 12 of 13 requests, the last with invalid_client/,
        true,
      ],
      [{ alarms: ['p99 over 1 s'] }, /alarm: p99 over 1 s/, true],
      [{ brake: { on: true, reason: 'incident' } }, /the brake is on: incident/, false],
      [{ gateways: [{ ...gateway, isBrakeOn: true }] }, /the brake is on at the gateway itself: one/, false],
    ]
    for (const [facts, what, mayPass] of rows) {
      const [obstacle, ...more] = judge(facts)
      assert.match(obstacle?.what ?? '', what)
      assert.equal(obstacle?.mayPass, mayPass)
      assert.deepEqual(more, [])
    }
  })

  test('ignores an application that fails occasionally, rarely, or at a disconnected gateway', () => {
    assert.deepEqual(judge({ gateways: [failing(4, 0)] }), [])
    assert.deepEqual(judge({ gateways: [failing(9, 0), failing(0, 9)] }), [], 'another gateway sees it get on')
    assert.deepEqual(judge({ gateways: [gateway, { ...failing(9, 0), isConnected: false }] }), [])
  })

  test('ignores a side with few responses, and a disconnected gateway', () => {
    assert.deepEqual(judge({ gateways: [{ ...gateway, iam: { requests: 19, failures: 19 } }] }), [])
    assert.deepEqual(judge({ gateways: [gateway, { ...gateway, isConnected: false, isCircuitOpen: true }] }), [])
  })

  test('respects freezes, also across midnight and the end of the week', () => {
    const at = (text: string) => Date.parse(`${text}Z`)
    const freezes = [{ from: at('2026-12-20T00:00'), until: at('2027-01-02T00:00'), why: 'holidays' }]
    assert.match(judge({ now: at('2026-12-20T00:00') }, { freezes })[0]?.what ?? '', /until 2027-01-02T.*holidays/)
    assert.deepEqual(judge({ now: at('2027-01-02T00:00') }, { freezes }), [])
    const night = { days: [5, 6], from: 18 * 60, until: 8 * 60, why: 'weekend' }
    const rules = { weeklyFreezes: [night] }
    // 2026-11-27 is a Friday.
    for (const [text, isFrozen] of [
      ['2026-11-27T17:59', false],
      ['2026-11-27T18:00', true],
      ['2026-11-28T07:59', true],
      ['2026-11-28T08:00', false],
      ['2026-11-29T07:59', true],
      ['2026-11-29T18:00', false],
    ] as const) {
      assert.equal(judge({ now: at(text) }, rules).length > 0, isFrozen, text)
    }
    const allDay = { weeklyFreezes: [{ days: [0], from: 0, until: 0, why: 'sunday' }] }
    assert.equal(judge({ now: at('2026-11-29T23:59') }, allDay).length, 1)
    assert.equal(judge({ now: at('2026-11-30T00:00') }, allDay).length, 0)
  })
})
