import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compareRatios, isFailure, readRatios } from './ratios.ts'

const outcomes = (stored: Record<string, number>, measured: Record<string, number>) =>
  Object.fromEntries(compareRatios(stored, measured).map(({ name, outcome }) => [name, outcome]))

describe('measured ratios, compared with the stored ones,', () => {
  test('are the same within 15 % in either direction', () => {
    assert.deepEqual(outcomes({ a: 1, b: 1, c: 2 }, { a: 1.149, b: 0.851, c: 2 }), { a: 'same', b: 'same', c: 'same' })
  })

  test('are worse or better beyond it', () => {
    assert.deepEqual(outcomes({ a: 1, b: 1 }, { a: 1.151, b: 0.849 }), { a: 'worse', b: 'better' })
  })

  test('are missing when nothing measures them any more, and new when they are not stored yet', () => {
    assert.deepEqual(outcomes({ a: 1, c: 1 }, { b: 1, c: Number.NaN }), { a: 'missing', b: 'new', c: 'missing' })
  })

  test('fail the check when they are worse or missing, and not when they are better or new', () => {
    const failing = compareRatios({ a: 1, b: 1, c: 1, d: 1 }, { a: 2, b: 0.1, d: 1, e: 9 }).filter(isFailure)
    assert.deepEqual(
      failing.map(({ name }) => name),
      ['a', 'c'],
    )
  })
})

describe('stored ratios', () => {
  test('are read as they were written', () => {
    assert.deepEqual(readRatios('{"a":0.5,"b":2}'), { a: 0.5, b: 2 })
  })

  test('that are damaged are refused with what is wrong', () => {
    for (const [text, message] of [
      ['{"a":', /not JSON/],
      ['[1]', /not a JSON object/],
      ['null', /not a JSON object/],
      ['{"a":"1"}', /"a" is not a positive number/],
      ['{"a":1,"b":0}', /"b" is not a positive number/],
    ] as const) {
      assert.throws(() => readRatios(text), message)
    }
  })
})
