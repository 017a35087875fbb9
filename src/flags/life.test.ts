import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FlagDefinition, FlagType } from './definition.ts'
import { lifeOf } from './life.ts'

function definition(type: FlagType, introduced_at?: string): FlagDefinition {
  const urls = { introduced_by_url: 'https://x.example/1', rollout_issue_url: 'https://x.example/2' }
  return { name: 'a_flag', ...urls, milestone: '19.1', introduced_at, type, group: 'group::x', default_enabled: false }
}
const day = (text: string) => new Date(`${text}T00:00:00Z`)

test('a flag is stale once the lifetime of its type is over', () => {
  for (const [type, last, first] of [
    ['gitlab_com_derisk', '2026-03-14', '2026-03-15'],
    ['wip', '2026-05-14', '2026-05-15'],
    ['beta', '2026-07-14', '2026-07-15'],
    ['experiment', '2026-07-14', '2026-07-15'],
  ] as const) {
    const flag = definition(type, '2026-01-15')
    assert.equal(lifeOf(flag, undefined, day(last)).kind, 'within', type)
    assert.deepEqual(lifeOf(flag, undefined, day(first)), {
      kind: 'stale',
      since: day('2026-01-15'),
      until: day(first),
    })
  }
})

test('an ops flag is never stale, but its review is due after a year', () => {
  const flag = definition('ops', '2025-06-30')
  assert.equal(lifeOf(flag, undefined, day('2026-06-29')).kind, 'within')
  assert.equal(lifeOf(flag, undefined, day('2026-06-30')).kind, 'review_due')
})

test('without introduced_at, the lifetime of a flag starts when it is first set', () => {
  const flag = definition('gitlab_com_derisk')
  assert.deepEqual(lifeOf(flag, undefined, day('2036-01-01')), { kind: 'unknown' })
  assert.equal(lifeOf(flag, day('2026-01-15'), day('2026-03-15')).kind, 'stale')
  assert.equal(lifeOf(definition('wip', '2026-02-01'), day('2020-01-01'), day('2026-03-01')).kind, 'within')
})

test('a lifetime that would end on the 31st of a shorter month ends on its last day', () => {
  const life = lifeOf(definition('gitlab_com_derisk', '2025-12-31'), undefined, day('2026-02-28'))
  assert.deepEqual(life, { kind: 'stale', since: day('2025-12-31'), until: day('2026-02-28') })
})
