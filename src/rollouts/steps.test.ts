import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { OFF } from '../flags/index.ts'
import { aboutInWords } from './plan/duration.ts'
import { type Candidate, gatesToRestore, membersOf } from './steps.ts'
import { flowsAtRisk, namedOnly, shareOf } from './traffic.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const actor = (id: number) => `Authn::OauthApplication:${id}`
const candidate = (id: number, cohort = 'web'): Candidate => ({ id, clientId: `client-${id}`, cohort })
const trafficOf = (flows: Readonly<Record<number, number>>) => ({
  flowsPerDay: new Map(Object.entries(flows).map(([id, count]) => [Number(id), count])),
})
const context = (changes: object = {}) => ({
  ...{ flag: FLAG, gates: OFF, candidates: [1, 2, 3, 4].map((id) => candidate(id)), traffic: trafficOf({}) },
  ...changes,
})

describe('what a step moves', () => {
  test('a list moves its applications by id and client_id, and names those that no longer exist', () => {
    const moves = { kind: 'applications', applications: [3, 'client-1', 9, 'gone'] } as const
    const { applications, missing, changes } = membersOf({ moves }, context())
    assert.deepEqual(
      [applications, missing],
      [
        [1, 3],
        [9, 'gone'],
      ],
    )
    assert.deepEqual(changes[0], { set: true, target: { kind: 'actor', id: actor(1) } })
  })

  test('nothing moves what is moved already or was opted out', () => {
    const gates = { ...OFF, actors: [actor(1)], opted_out: [actor(2)] }
    const moves = { kind: 'applications', applications: [1, 2, 3] } as const
    assert.deepEqual(membersOf({ moves }, context({ gates })).applications, [3])
    const whole = { kind: 'percentage', percentage: 100 } as const
    assert.deepEqual(membersOf({ moves: whole }, context({ gates })).applications, [3, 4])
  })

  test('a sample moves the application with the least traffic of each cohort that has none moved', () => {
    const candidates = [
      candidate(1),
      candidate(2),
      candidate(3, 'machine'),
      candidate(4, 'machine'),
      candidate(5, 'cli'),
    ]
    const gates = { ...OFF, actors: [actor(5)] }
    const traffic = trafficOf({ 1: 10, 2: 3, 3: 7, 4: 7 })
    const { applications } = membersOf({ moves: { kind: 'sample' } }, context({ candidates, gates, traffic }))
    assert.deepEqual(applications, [2, 3])
  })

  test('a percentage below that of the flag changes nothing, because a step never takes applications back', () => {
    const candidates = Array.from({ length: 50 }, (_, at) => candidate(at + 1))
    const at = (percentage: number) => {
      const gates = { ...OFF, percentage_of_actors: 40 }
      return membersOf({ moves: { kind: 'percentage', percentage } }, context({ candidates, gates }))
    }
    assert.deepEqual([at(10).changes, at(40).changes, at(40).applications], [[], [], []])
    assert.deepEqual(at(60).changes, [{ percentage: 60, of: 'actors' }])
  })

  test('a larger percentage never moves an application back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.uniqueArray(fc.nat(1e6), { minLength: 1 }), (share, ids) => {
        const candidates = ids.map((id) => candidate(id + 1))
        const at = (percentage: number) =>
          membersOf({ moves: { kind: 'percentage', percentage } }, context({ candidates })).applications
        const larger = new Set(at(share + 1))
        return at(share).every((id) => larger.has(id))
      }),
    )
  })
})

describe('going back', () => {
  test('restores the gates as they were, without the applications that were taken out since', () => {
    const gates = { ...OFF, percentage_of_actors: 10, opted_out: [actor(7)] }
    const excluded = [{ application_id: 3 }]
    assert.deepEqual(gatesToRestore(gates, excluded, OFF), { ...gates, opted_out: [actor(3), actor(7)] })
    assert.equal(gatesToRestore(null, [], OFF), null)
    assert.deepEqual(gatesToRestore(null, excluded, OFF), { ...OFF, opted_out: [actor(3)] })
  })
})

describe('traffic', () => {
  test('shares count flows, and are unknown while there are none', () => {
    const traffic = trafficOf({ 1: 900, 2: 90, 3: 10 })
    assert.equal(shareOf(traffic, [2, 3]), 0.1)
    assert.equal(shareOf(trafficOf({}), [1]), undefined)
    assert.deepEqual(namedOnly(traffic, [1, 2, 3]), [1])
  })

  test('the flows at risk are those of the guards, and those until every gateway routes by the verdict', () => {
    const quiet = trafficOf(Object.fromEntries([1, 2, 3, 4].map((id) => [id, 10])))
    assert.equal(flowsAtRisk(quiet, []), 0)
    assert.equal(flowsAtRisk(quiet, [1]), 5)
    assert.equal(flowsAtRisk(quiet, [1, 2]), 9)
    assert.equal(flowsAtRisk(quiet, [1, 2, 3, 4]), 7)
    assert.equal(flowsAtRisk(trafficOf({ 1: 864_000 }), [1]), 74)
  })

  test('durations are said in few figures', () => {
    assert.deepEqual([1_500, 90_000, 7_200_000, 400_000_000].map(aboutInWords), ['2 s', '2 min', '2 h', '5 days'])
  })
})
