import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeHeld, lostChanges } from './history.ts'
import type { VersionedChange } from './model.ts'
import type { History } from './store.ts'

const step = (version: number, stamp = `stamp-${version}`): VersionedChange => ({
  ...{ version, stamp },
  change: { kind: 'brake', environment: 'production', brake: { on: version % 2 === 0, reason: '' } },
})
const history = (newest: number, ...changes: VersionedChange[]): History => ({ epoch: 'e', newest, changes })
const held = (version: number, stamp = `stamp-${version}`) => ({ version, stamp })

const CASES: ReadonlyArray<readonly [string, ReturnType<typeof held>, History, ReturnType<typeof judgeHeld>]> = [
  ['nothing has happened since', held(7), history(7, step(7)), 'continues'],
  ['the next changes follow', held(7), history(9, step(7), step(8), step(9)), 'continues'],
  ['the database is older', held(7), history(5), 'lost'],
  ['another change has the held version', held(7), history(7, step(7, 'other')), 'lost'],
  ['another change has it and more have followed', held(7), history(9, step(7, 'other'), step(8), step(9)), 'lost'],
  ['the held version is there without its change', held(7), history(7), 'lost'],
  ['the changes that follow are no longer kept', held(7), history(40_000, step(20_001)), 'far_behind'],
  ['the change that follows is missing', held(7), history(9, step(7), step(9)), 'far_behind'],
  ['an epoch has just begun', held(7, ''), history(7), 'continues'],
  ['the first change of an epoch follows', held(7, ''), history(8, step(8)), 'continues'],
  ['a change has the version with which the epoch began', held(7, ''), history(7, step(7)), 'lost'],
  ['the database is older than the epoch', held(7, ''), history(6), 'lost'],
  ['the epoch began long ago', held(7, ''), history(40_000, step(20_001)), 'far_behind'],
]

for (const [when, position, found, status] of CASES) {
  test(`the held state is ${status} when ${when}`, () => assert.equal(judgeHeld(position, found), status))
}

test("lost changes are named: those beyond the database's version, and those it replaced", () => {
  const remembered = [step(4), step(5), step(6), step(7)]
  assert.deepEqual(lostChanges(remembered, history(5, step(3), step(4), step(5, 'other'))), [
    '5: brake off in production',
    '6: brake on in production',
    '7: brake off in production',
  ])
})
