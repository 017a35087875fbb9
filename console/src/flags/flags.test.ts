import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FeatureDocument } from '../api/documents.ts'
import { rowsOf } from './flag-rows.ts'
import { gateMark } from './gate-mark.ts'

describe('a flag in the list', () => {
  test('is marked by its gates in a few words', () => {
    const words = (state: FeatureDocument['state'], gates: FeatureDocument['gates'] = []) =>
      gateMark({ state, gates }).words
    assert.deepEqual([words('on'), words('off'), words('conditional')], ['on', 'off', 'conditional'])
    assert.equal(words('conditional', [{ key: 'percentage_of_actors', value: 25 }]), '25\u00a0%')
    assert.equal(
      words('conditional', [{ key: 'actors', value: ['a:1', 'a:2', 'a:3:opt_out'] }]),
      '2\u00a0applications, 1\u00a0opted\u00a0out',
    )
  })

  test('stands in one row with its state in each environment', () => {
    const of = (name: string, environment: string) =>
      ({ name, environment, definition: null }) as unknown as FeatureDocument
    const [a, b, ...others] = rowsOf([of('a', 'dev'), of('b', 'dev'), of('a', 'production')])
    assert.deepEqual([a?.name, Object.keys(a?.in ?? {})], ['a', ['dev', 'production']])
    assert.deepEqual([b?.name, b?.in.production, others.length], ['b', undefined, 0])
  })
})
