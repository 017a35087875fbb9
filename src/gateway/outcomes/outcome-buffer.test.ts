import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { testObservation, writeObservation } from '../../outcomes/index.ts'
import { OutcomeBuffer } from './outcome-buffer.ts'

const line = (number: number) => writeObservation(testObservation({ requestId: `request-${number}` }))
/** The lines as the control plane reads them. */
const read = (lines: Uint8Array) => JSON.parse(`"${Buffer.from(lines)}"`)

function filled(count: number, mostBytes?: number): OutcomeBuffer {
  const buffer = new OutcomeBuffer(mostBytes)
  for (let number = 1; number <= count; number++) {
    buffer.add(testObservation({ requestId: `request-${number}` }), 0)
  }
  return buffer
}

describe('the buffer of outcomes', () => {
  test('keeps lines until they are stored, and sends the rest again from any of them', () => {
    const buffer = filled(3)
    const ready = (from: number) => {
      const { lines, ...rest } = buffer.ready(from, 0)
      return { ...rest, lines: read(lines) }
    }
    const all = { first: 1, oldest: 1, count: 3, isComplete: true, lines: [1, 2, 3].map(line).join('\n') }
    assert.deepEqual(ready(1), all)
    assert.deepEqual(ready(1), all)
    assert.deepEqual(ready(3), { ...all, first: 3, count: 1, lines: line(3) })
    buffer.stored(4)
    assert.deepEqual(ready(4), { first: 4, oldest: 4, count: 0, isComplete: true, lines: '' })
  })

  test('holds at least a minute of outcomes, and drops the oldest beyond its limits without renumbering', () => {
    const buffer = filled(240_000)
    assert.equal(buffer.oldest, 1)
    const full = filled(20_000, 1_000_000)
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
