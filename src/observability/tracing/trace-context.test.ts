import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isWithinShare, parseTraceparent, randomId, traceparentOf } from './trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

describe('a traceparent', () => {
  test('is parsed and formatted without changes', () => {
    for (const flags of ['00', '01']) {
      const text = `00-${TRACE}-${SPAN}-${flags}`
      const context = parseTraceparent(text)
      assert.deepEqual(context, { traceId: TRACE, spanId: SPAN, isSampled: flags === '01' })
      assert.equal(context && traceparentOf(context), text)
    }
  })

  test('of a later version may continue after its flags, and other flags are ignored', () => {
    assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-03-what-comes`)?.isSampled, true)
  })

  const wrong = {
    'nothing at all': undefined,
    'several of them': [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`],
    'several joined': `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    'the forbidden version': `ff-${TRACE}-${SPAN}-01`,
    'version 00 that goes on': `00-${TRACE}-${SPAN}-01-x`,
    capitals: `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    'no trace': `00-${'0'.repeat(32)}-${SPAN}-01`,
    'no span': `00-${TRACE}-${'0'.repeat(16)}-01`,
    'too short': `00-${TRACE}-${SPAN}`,
    'too long': `cc-${TRACE}-${SPAN}-01-${'x'.repeat(600)}`,
  }
  for (const [what, text] of Object.entries(wrong)) {
    test(`is invalid: ${what}`, () => assert.equal(parseTraceparent(text), undefined))
  }
})

test('ids are random, have the right length, and never repeat', () => {
  const ids = Array.from({ length: 2_000 }, () => randomId(16))
  assert.ok(ids.every((id) => /^[0-9a-f]{32}$/.test(id)))
  assert.equal(new Set(ids).size, ids.length)
  assert.match(randomId(8), /^[0-9a-f]{16}$/)
})

test('a sampled share has the configured size, includes all or nothing at its limits, and is stable per trace', () => {
  const ids = Array.from({ length: 4_000 }, () => randomId(16))
  const within = (percent: number) => ids.filter((id) => isWithinShare(id, percent)).length
  assert.equal(within(0), 0)
  assert.equal(within(100), ids.length)
  assert.ok(Math.abs(within(25) - 1_000) < 200, String(within(25)))
  assert.equal(within(25), within(25))
})
