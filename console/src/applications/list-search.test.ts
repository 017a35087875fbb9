import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nextOrder, orderOf, readListSearch } from './list-search.ts'

describe('the address of the list of applications', () => {
  test('yields what it knows, and nothing else', () => {
    const address = { search: '88', side: 'iam', failing: 'yes', sort: 'evil', order: 'desc', other: 1 }
    assert.deepEqual(readListSearch(address), { search: '88', side: 'iam', order: 'desc' })
    assert.equal(readListSearch({ search: 'x'.repeat(300) }).search?.length, 255)
  })

  test('shows trouble first, and turns the order of a column around at the second click', () => {
    assert.deepEqual(orderOf({}), { sort: 'trouble', order: 'desc' })
    assert.deepEqual(nextOrder({}, 'name'), { sort: 'name', order: 'asc' })
    assert.deepEqual(nextOrder({ sort: 'name', order: 'asc' }, 'name'), { sort: 'name', order: 'desc' })
    assert.deepEqual(nextOrder({ sort: 'name', order: 'desc' }, 'traffic'), { sort: 'traffic', order: 'desc' })
  })
})
