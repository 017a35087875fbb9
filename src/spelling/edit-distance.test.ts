import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editDistance } from './edit-distance.ts'

test('the distance of two words is the number of characters to insert, delete or replace', () => {
  const cases: ReadonlyArray<readonly [string, string, number]> = [
    ['', '', 0],
    ['flag', 'flag', 0],
    ['flg', 'flag', 1],
    ['flaag', 'flag', 1],
    ['flog', 'flag', 1],
    ['kitten', 'sitting', 3],
    ['', 'flag', 4],
  ]
  for (const [from, to, distance] of cases) assert.equal(editDistance(from, to), distance, `${from} ${to}`)
})

test('the distance is the same in both directions, and at most the length of the longer word', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const distance = editDistance(a, b)
      return (
        distance === editDistance(b, a) && distance <= Math.max(a.length, b.length) && (distance === 0) === (a === b)
      )
    }),
  )
})
