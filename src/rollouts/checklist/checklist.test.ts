import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CHECKLIST_ITEMS, checklistOf, openBefore, openItemInWords, openItems } from './checklist.ts'

const TICK = { by: 'ann', at: new Date('2026-11-30T10:00:00Z'), note: 'told in #support' }
const done = { state: 'done', sentence: 'fine' } as const
const allDone = Object.fromEntries(CHECKLIST_ITEMS.map((item) => [item, done]))
const allTicked = Object.fromEntries(CHECKLIST_ITEMS.map((item) => [item, TICK]))
const names = (entries: ReturnType<typeof openItems>) => entries.map(({ item }) => item)

describe('the checklist', () => {
  test('waits for every item before the first step, and only for the lasting ones between steps', () => {
    const entries = checklistOf({ checks: {}, ticks: {} })
    assert.deepEqual([...names(openItems(entries, 'before')), ...names(openItems(entries, 'after'))], CHECKLIST_ITEMS)
    assert.deepEqual(names(openItems(entries, 'between')), ['gateways_ready', 'applications_replicated', 'probes'])
  })

  test('is complete when every check is done and everything else is ticked', () => {
    const entries = checklistOf({ checks: allDone, ticks: allTicked })
    for (const phase of ['before', 'between', 'after'] as const) assert.deepEqual(openItems(entries, phase), [])
  })

  test('a tick completes what is done by hand or cannot be checked, and overrides no check', () => {
    const open = { state: 'open', sentence: 'no drill yet' } as const
    const unknown = { state: 'unknown', sentence: 'no Prometheus is configured' } as const
    const checks = { ...allDone, guard_drill: open, dashboards: unknown }
    const entries = checklistOf({ checks, ticks: allTicked })
    assert.deepEqual(names(openItems(entries, 'before')), ['guard_drill'])
    const support = entries.find(({ item }) => item === 'support_informed')
    assert.equal(support?.sentence, 'ticked by ann at 2026-11-30T10:00:00.000Z: told in #support')
  })

  test('an item of a plan holds its step and all later ones until it is done', () => {
    const checklist = [
      { item: 'support_informed', beforeStep: 1 },
      { item: 'look at the graphs', beforeStep: 2 },
      { item: 'tell the customers', beforeStep: 4 },
    ]
    const plan = { checklist, steps: { length: 3 } }
    const before = (step: number, ticks: Readonly<Record<string, typeof TICK>> = {}) =>
      names(openBefore(checklistOf({ checks: {}, ticks, plan }), step))
    assert.deepEqual(before(1), ['support_informed'])
    assert.deepEqual(before(2), ['support_informed', 'look at the graphs'])
    assert.deepEqual(before(3, { support_informed: TICK, 'look at the graphs': TICK }), [])
    assert.deepEqual(before(4, { support_informed: TICK, 'look at the graphs': TICK }), ['tell the customers'])
    const phases = checklistOf({ checks: {}, ticks: {}, plan })
      .slice(-2)
      .map((entry) => entry.phases)
    assert.deepEqual(phases, [['between'], ['after']])
  })

  test('an open item names the command that does it', () => {
    const [first] = openItems(checklistOf({ checks: { deployed: done }, ticks: {} }), 'before')
    assert.equal(
      first && openItemInWords(first),
      'IAM is configured and ready at every gateway: not checked (handover gateways)',
    )
  })
})
