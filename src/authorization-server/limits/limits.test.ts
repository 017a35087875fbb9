import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Limit, waitUntilWithin, wholeAfterOne } from './gcra.ts'
import { limitTable } from './limit-table.ts'

const limits = fc.record({ count: fc.integer({ min: 1, max: 5_000 }), seconds: fc.integer({ min: 1, max: 86_400 }) })
const steps = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 200 })

describe('a limit', () => {
  test('allows its whole count at once, and not one more', () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 0, max: 2 ** 36 }), (limit, now) => {
        let wholeAt = 0
        for (let taken = 0; taken < limit.count; taken++) {
          assert.equal(waitUntilWithin(limit, wholeAt, now), 0)
          wholeAt = wholeAfterOne(limit, wholeAt, now)
        }
        assert.ok(waitUntilWithin(limit, wholeAt, now) > 0)
      }),
      { numRuns: 40 },
    )
  })

  test('allows at most twice its count in any period, however requests arrive', () => {
    fc.assert(
      fc.property(limits, steps, (limit, gaps) => {
        const taken = admitted(limit, gaps)
        for (const from of taken) {
          const within = taken.filter((at) => at >= from && at < from + limit.seconds * 1_000)
          assert.ok(within.length <= 2 * limit.count)
        }
      }),
    )
  })

  test('allows one request after exactly the wait it returns', () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 0, max: 1_000_000 }), (limit, debt) => {
        const now = 1_000_000
        const wholeAt = now + Math.min(debt, limit.seconds * 1_000)
        const wait = waitUntilWithin(limit, wholeAt, now)
        assert.equal(waitUntilWithin(limit, wholeAt, now + Math.ceil(wait)), 0)
        if (wait > 1) assert.ok(waitUntilWithin(limit, wholeAt, now + wait - 1) > 0)
        assert.ok(wait <= limit.seconds * 1_000)
      }),
    )
  })

  test('never requires a wait longer than its period, however much was used', () => {
    let wholeAt = 0
    for (let uses = 0; uses < 1_000; uses++) wholeAt = wholeAfterOne({ count: 5, seconds: 60 }, wholeAt, 0)
    assert.equal(waitUntilWithin({ count: 5, seconds: 60 }, wholeAt, 0), 12_000)
  })
})

function admitted(limit: Limit, gaps: readonly number[]): number[] {
  const taken: number[] = []
  let now = 0
  let wholeAt = 0
  for (const gap of gaps) {
    now += gap
    if (waitUntilWithin(limit, wholeAt, now) > 0) continue
    wholeAt = wholeAfterOne(limit, wholeAt, now)
    taken.push(now)
  }
  return taken
}

describe('a table of limits', () => {
  const limit = { count: 5, seconds: 600 }

  test('counts each key separately', () => {
    const table = limitTable(limit)
    for (let uses = 0; uses < 5; uses++) table.use('one', 0)
    assert.ok(table.wait('one', 0) > 0)
    assert.equal(table.wait('other', 0), 0)
  })

  test('does not count a repeated guess', () => {
    const table = limitTable(limit)
    for (let uses = 0; uses < 100; uses++) table.use('key', 0, 'the old secret')
    assert.equal(table.wait('key', 0), 0)
    for (const guess of ['a', 'b', 'c', 'd']) table.use('key', 0, guess)
    assert.ok(table.wait('key', 0) > 0)
  })

  test('counts guesses that alternate so that none is remembered', () => {
    const table = limitTable(limit)
    for (let uses = 0; uses < 10; uses++) table.use('key', 0, `guess ${uses % 5}`)
    assert.ok(table.wait('key', 0) > 0)
  })

  test('never exceeds its capacity, and evicts the most used keys last', () => {
    const table = limitTable(limit, 1_000)
    for (let uses = 0; uses < 5; uses++) table.use('attacker', 0)
    for (let key = 0; key < 20_000; key++) table.use(`invented ${key}`, 0)
    assert.ok(table.wait('attacker', 0) > 0)
  })

  test('accepts a key of any length', () => {
    const table = limitTable(limit)
    const long = 'k'.repeat(100_000)
    for (let uses = 0; uses < 5; uses++) table.use(`${long}1`, 0)
    assert.ok(table.wait(`${long}1`, 0) > 0)
    assert.equal(table.wait(`${long}2`, 0), 0)
  })

  test('forgets a key that has authenticated', () => {
    const table = limitTable(limit)
    for (let uses = 0; uses < 5; uses++) table.use('key', 0)
    table.forget('key')
    assert.equal(table.wait('key', 0), 0)
  })
})
