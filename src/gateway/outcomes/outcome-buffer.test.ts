import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OutcomeBuffer } from './outcome-buffer.ts'

function filled(count: number, mostBytes?: number): OutcomeBuffer {
  const buffer = new OutcomeBuffer(mostBytes)
  for (let number = 1; number <= count; number++) {
    buffer.put('line ')
    buffer.put(String(number))
    buffer.end(0)
  }
  return buffer
}

describe('the buffer of outcomes', () => {
  test('keeps lines until they are stored, and sends the rest again from any of them', () => {
    const buffer = filled(3)
    const all = { first: 1, oldest: 1, count: 3, lines: 'line 1\nline 2\nline 3', isComplete: true }
    assert.deepEqual(buffer.ready(1, 0), all)
    assert.deepEqual(buffer.ready(1, 0), all)
    assert.deepEqual(buffer.ready(3, 0), { ...all, first: 3, count: 1, lines: 'line 3' })
    buffer.stored(4)
    assert.deepEqual(buffer.ready(4, 0), { first: 4, oldest: 4, count: 0, lines: '', isComplete: true })
  })

  test('holds at least a minute of outcomes, and drops the oldest beyond its limits without renumbering', () => {
    const buffer = filled(240_000)
    assert.equal(buffer.oldest, 1)
    const full = filled(20_000, 100_000)
    assert.ok(full.oldest > 1)
    const { first, oldest } = full.ready(1, 0)
    assert.deepEqual([first, oldest], [full.oldest, full.oldest])
    buffer.trim(60_000)
    assert.equal(buffer.oldest, 1)
    buffer.ready(1, 0)
    buffer.trim(10 * 60_000)
    assert.equal(buffer.oldest, buffer.next)
  })
})
