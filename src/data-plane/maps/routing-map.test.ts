import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Snapshot } from '../../routing/index.ts'
import { type PlaneSnapshot, snapshotOf } from '../testing/plane-bed.ts'
import { planChange, type RoutingMap, routingMap, STATE_KEY } from './routing-map.ts'

/** Reads a map as HAProxy's rules do. */
function flagIn(map: RoutingMap, clientId: string): 'on' | 'off' | 'not_arrived' | 'unknown_client' {
  const limit = Number(map.get(STATE_KEY)?.split(':')[0])
  const [, threshold, ready] = map.get(clientId)?.split(':') ?? []
  if (threshold === undefined) return 'unknown_client'
  if (Number(threshold) - limit >= 0) return 'off'
  return ready === '1' ? 'on' : 'not_arrived'
}

function snapshotFrom(what: PlaneSnapshot): Snapshot {
  const [begin, ...rest] = snapshotOf(what)
  assert.ok(begin?.type === 'begin')
  const snapshot = new Snapshot(begin)
  for (const line of rest) if (line.type === 'applications') snapshot.add(line.rows)
  return snapshot
}

const IDS = [1, 2, 3, 40, 500, 9_007_199_254_740_991]
const snapshots = fc.record({
  rows: fc
    .subarray(IDS)
    .map((ids) => ids.map((id): [number, string, 0 | 1] => [id, `app-${id}`, id % 3 === 0 ? 0 : 1])),
  actors: fc.subarray(IDS),
  optedOut: fc.subarray(IDS),
  percentage: fc.oneof(
    fc.constantFrom(0, 100),
    fc.integer({ min: 0, max: 100_000 }).map((part) => part / 1_000),
  ),
  boolean: fc.boolean(),
  brake: fc.boolean(),
  unknownToIam: fc.boolean(),
  version: fc.integer({ min: 1, max: 9 }),
})

describe('the routing map', () => {
  test('says of every client what the snapshot says', () => {
    fc.assert(
      fc.property(snapshots, (what) => {
        const snapshot = snapshotFrom(what)
        const map = routingMap(snapshot.lines(), snapshot.brake)
        for (const id of [...IDS, 77]) {
          const status = snapshot.lookUp(`app-${id}`)
          assert.equal(flagIn(map, `app-${id}`), typeof status === 'string' ? status : status.flag)
        }
      }),
    )
  })

  test('has no entry for a client id that HAProxy does not read', () => {
    const rows: Array<[number, string, 0 | 1]> = [
      [1, 'a b', 1],
      [2, '*', 1],
      [3, '#x', 1],
      [4, 'é', 1],
      [5, 'a.b~c_d-1', 1],
    ]
    const map = routingMap(snapshotOf({ rows }), false)
    assert.deepEqual([...map.keys()], [STATE_KEY, 'a.b~c_d-1'])
  })

  test('sends nothing to IAM without a snapshot', () => {
    assert.deepEqual([...routingMap(undefined, true)], [[STATE_KEY, '1:on:unavailable:null']])
  })

  test('contains no negative number, which HAProxy 2.6 computes wrongly with', () => {
    fc.assert(
      fc.property(snapshots, (what) => {
        for (const value of routingMap(snapshotOf(what), false).values()) assert.doesNotMatch(value, /-/)
      }),
    )
  })
})

describe('a change of the routing map', () => {
  test('leads from each map to the wanted one, and every step routes as before or as after', () => {
    fc.assert(
      fc.property(snapshots, snapshots, (one, other) => {
        const before = routingMap(snapshotOf(one), one.brake)
        const after = routingMap(snapshotOf(other), other.brake)
        const change = planChange(before, after)
        if (change.kind === 'replace') return
        const map = new Map(before)
        const steps = change.kind === 'none' ? [] : [...change.added, ...change.set]
        const check = () => {
          for (const id of IDS) {
            const flag = flagIn(map, `app-${id}`)
            assert.ok(flag === flagIn(before, `app-${id}`) || flag === flagIn(after, `app-${id}`))
          }
        }
        for (const [key, value] of steps) {
          map.set(key, value)
          check()
        }
        for (const key of change.kind === 'none' ? [] : change.removed) map.delete(key)
        assert.deepEqual(new Map([...map].sort()), new Map([...after].sort()))
      }),
    )
  })

  test('of a percentage or of the brake is one entry', () => {
    const held = routingMap(snapshotOf({ percentage: 10 }), false)
    for (const wanted of [
      routingMap(snapshotOf({ percentage: 20, version: 8 }), false),
      routingMap(snapshotOf({ percentage: 10 }), true),
    ]) {
      const change = planChange(held, wanted)
      assert.ok(change.kind === 'entries')
      assert.deepEqual([change.set.map(([key]) => key), change.added, change.removed], [[STATE_KEY], [], []])
    }
  })

  test('of a percentage together with an application is a new version of the map', () => {
    const held = routingMap(snapshotOf({ percentage: 100, optedOut: [1] }), false)
    assert.equal(planChange(held, routingMap(snapshotOf({ percentage: 0 }), false)).kind, 'replace')
  })
})
