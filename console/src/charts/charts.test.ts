import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MOST_POINTS, nearest, thin, walk } from './points.ts'
import { timeAxis } from './time-axis.ts'

const points = (count: number) => Array.from({ length: count }, (_, at) => ({ at: at * 1_000, value: at % 50 }))

describe('a chart', () => {
  test('draws at most 300 points, and keeps peaks and the last point', () => {
    const many = points(10_000).map((point) => (point.at === 777_000 ? { ...point, value: 999 } : point))
    const kept = thin(many)
    assert.ok(kept.length <= MOST_POINTS, `${kept.length} points`)
    assert.ok(kept.some(({ value }) => value === 999))
    assert.equal(kept.at(-1), many.at(-1))
    assert.equal(thin(points(300)).length, 300)
  })

  test('finds the point that is nearest to a moment', () => {
    assert.equal(nearest(points(5), 2_400), 2)
    assert.equal(nearest(points(5), 99_000), 4)
  })

  test('is walked with the arrow keys from its latest point, and never past its ends', () => {
    assert.equal(walk('ArrowLeft', undefined, 10), 9)
    assert.deepEqual([walk('ArrowLeft', 9, 10), walk('ArrowRight', 9, 10), walk('PageDown', 4, 10)], [8, 9, 0])
    assert.deepEqual([walk('Home', 5, 10), walk('End', 5, 10)], [0, 9])
    assert.equal(walk('x', 5, 10), undefined)
    assert.equal(walk('ArrowLeft', undefined, 0), undefined)
  })

  test('writes times on the axis of a day, and days on that of a week', () => {
    const from = Date.parse('2026-11-23T00:00:00Z')
    const day = timeAxis(from, from + 86_400_000, [0, 600])
    assert.ok(day.ticks.every(({ words }) => /^\d\d:\d\d$/.test(words)))
    const week = timeAxis(from, from + 7 * 86_400_000, [0, 600])
    assert.ok(week.ticks.every(({ words }) => /^[A-Z][a-z]{2} \d+$/.test(words)))
  })
})
