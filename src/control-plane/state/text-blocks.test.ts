import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApplicationRecord } from './model.ts'
import { SortedIds } from './sorted-ids.ts'
import { TextBlocks } from './text-blocks.ts'

function filled(names: ReadonlyArray<readonly [id: number, clientId: string, name: string | undefined]>) {
  const records = new Map<number, ApplicationRecord>()
  const ids = new SortedIds()
  const blocks = new TextBlocks(ids, (id) => records.get(id))
  const put = (id: number, client_id: string, name: string | undefined) => {
    records.set(id, { id, client_id, name, version: 1, iam_version: null })
    ids.add(id)
    blocks.changed(id)
  }
  const remove = (id: number) => {
    records.delete(id)
    ids.remove(id)
    blocks.changed(id)
  }
  for (const one of names) put(...one)
  return { put, remove, find: (wanted: string, after = 0) => [...blocks.find(wanted, after)].flat() }
}

describe('a search of texts', () => {
  test('finds parts of client_ids and names in any case, in the order of ids', () => {
    const { find } = filled([
      [9_000, 'xyz', 'Wallet'],
      [2, 'abc', 'Payments WALL'],
      [1, 'wallaby', undefined],
      [4_095, 'none', 'none'],
      [4_096, 'last', 'the wall'],
    ])
    assert.deepEqual(find('wall'), [1, 2, 4_096, 9_000])
    assert.deepEqual(find('wall', 2), [4_096, 9_000])
    assert.deepEqual(find('missing'), [])
  })

  test('finds an application once, and nothing that spans two', () => {
    const { find } = filled([
      [1, 'aaaa', 'aaaa'],
      [2, 'one', 'ends in x'],
      [3, 'y begins', undefined],
    ])
    assert.deepEqual(find('aa'), [1])
    assert.deepEqual(find('xy'), [])
    assert.deepEqual(find('x\0y'), [])
  })

  test('follows changes and removals', () => {
    const { find, put, remove } = filled([
      [1, 'one', 'First'],
      [2, 'two', 'Second'],
    ])
    assert.deepEqual(find('first'), [1])
    put(2, 'two', 'First as well')
    put(3, 'three', 'first of all')
    remove(1)
    assert.deepEqual(find('first'), [2, 3])
  })

  test('finds among ids that are far apart, up to the largest', () => {
    const large = Number.MAX_SAFE_INTEGER - 1
    const { find } = filled([
      [1, 'a', 'here'],
      [large, 'b', 'here too'],
    ])
    assert.deepEqual(find('here'), [1, large])
  })

  test('finds what a plain comparison of each application finds', () => {
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    const text = (length: number) => Array.from({ length }, () => 'abİß'[random(4)]).join('')
    const names = Array.from({ length: 2_000 }, (_, at) => [1 + at * 7, text(random(5)), text(random(5))] as const)
    const { find } = filled(names)
    for (let round = 0; round < 200; round++) {
      const wanted = text(1 + random(4)).toLowerCase()
      const expected = names.filter(([, clientId, name]) =>
        [clientId, name].some((one) => one.toLowerCase().includes(wanted)),
      )
      assert.deepEqual(
        find(wanted),
        expected.map(([id]) => id),
        wanted,
      )
    }
  })
})
