import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Trail } from './trail.ts'

describe('the trail of evidence', () => {
  test('has no point for an application that does well', () => {
    const trail = new Trail()
    for (let at = 0; at < 1_000; at++) trail.note(at, 1.4 / (at + 1))
    assert.deepEqual(trail.points, [])
  })

  test('notes the growth to the threshold and the decline after it, but no small change', () => {
    const trail = new Trail()
    for (const [at, evidence] of [
      [1, 2],
      [2, 2.1],
      [3, 30],
      [4, 1_000],
      [5, 0.4],
      [6, 0.3],
    ] as const)
      trail.note(at, evidence)
    assert.deepEqual(trail.points, [
      [1, 1],
      [1, 2],
      [3, 30],
      [4, 1_000],
      [5, 1],
    ])
    assert.deepEqual(new Trail(trail.points).points, trail.points, 'it is stored and read as it is')
  })

  test('stays short, with its first and its last point', () => {
    const trail = new Trail()
    for (let at = 0; at < 10_000; at++) trail.note(at, at % 2 === 0 ? 500 : 2)
    assert.ok(trail.points.length <= 60, String(trail.points.length))
    assert.deepEqual(
      [trail.points[0], trail.points.at(-1)],
      [
        [0, 1],
        [9_999, 2],
      ],
    )
  })
})
