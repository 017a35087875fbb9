import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { putNumber, putText } from './plain-text.ts'

const bytes = Buffer.alloc(200)
const written = (end: number) => bytes.toString('latin1', 3, end)

describe('plain text in bytes', () => {
  test('numbers are written in decimal, from 0 to the largest safe integer', () => {
    const edges = Array.from({ length: 16 }, (_, power) => [10 ** power - 1, 10 ** power, 10 ** power + 1]).flat()
    for (const number of [...edges, Number.MAX_SAFE_INTEGER]) {
      assert.equal(written(putNumber(bytes, 3, number)), String(number))
    }
    fc.assert(fc.property(fc.maxSafeNat(), (number) => written(putNumber(bytes, 3, number)) === String(number)))
  })

  test('texts of any length are written as they are', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme-ascii', maxLength: 100 }),
        (text) => written(putText(bytes, 3, text)) === text,
      ),
    )
  })
})
