import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Exclusion, groupExclusions } from './exclusion-groups.ts'

const excluded = (id: number, guard: string, cause: string | null): Exclusion => ({
  ...{ application_id: id, guard, cause, sentence: '' },
  at: new Date(id * 1_000).toISOString(),
})

describe('the applications that a rollout took back', () => {
  const all = [
    excluded(1, 'failures', 'invalid_grant'),
    excluded(2, 'failures', 'invalid_client'),
    excluded(3, 'failures', 'invalid_grant'),
    excluded(4, 'person', null),
  ]
  const shown = (find?: string) =>
    groupExclusions(all, { 2: 'Jenkins', 3: 'Old App' }, find).map(({ cause, exclusions }) => [
      cause,
      ...exclusions.map(({ application_id }) => application_id),
    ])

  test('are grouped by cause, the largest group and the newest application first', () => {
    assert.deepEqual(shown(), [
      ['failures: invalid_grant', 3, 1],
      ['failures: invalid_client', 2],
      ['taken out by a person', 4],
    ])
  })

  test('are found by a part of the name, in any case, and by id', () => {
    assert.deepEqual(shown('JENK'), [['failures: invalid_client', 2]])
    assert.deepEqual(shown(' 4 '), [['taken out by a person', 4]])
    assert.deepEqual(shown('nothing'), [])
  })
})
