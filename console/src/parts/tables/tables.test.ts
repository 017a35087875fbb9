import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { arrange } from './steady-rows.ts'

const keyOf = (row: { id: number }) => row.id
const rows = (...ids: number[]) => ids.map((id) => ({ id }))
const arranged = (read: number[], ids: number[]) => {
  const { rows: shown, waiting } = arrange(read, rows(...ids), keyOf)
  return { ids: shown.map(keyOf), waiting }
}

describe('a list that is being read', () => {
  test('shows what comes at first', () => {
    assert.deepEqual(arranged([], [3, 1, 2]), { ids: [3, 1, 2], waiting: 0 })
  })

  test('keeps its order when the server sorts again', () => {
    assert.deepEqual(arranged([3, 1, 2], [2, 3, 1]), { ids: [3, 1, 2], waiting: 0 })
  })

  test('lets new rows wait, drops those that are gone, and appends further pages', () => {
    assert.deepEqual(arranged([3, 1, 2], [9, 3, 2, 4, 5]), { ids: [3, 2, 4, 5], waiting: 1 })
  })

  test('shows everything when nothing of what was read remains', () => {
    assert.deepEqual(arranged([3, 1], [7, 8]), { ids: [7, 8], waiting: 0 })
  })
})
