import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FlagDocument } from '../api/documents.ts'
import { readFlagSearch } from './flag-search.ts'
import { restoreWish, wishOf } from './flag-wish.ts'
import { differenceInWords, stateInWords } from './state-in-words.ts'

const OFF = {
  ...{ boolean: false, actors: [], percentage_of_actors: 0, percentage_of_time: 0 },
  ...{ feature_groups: [], opted_out: [] },
}

describe('the form of gates', () => {
  const typed = { share: '', application: '' }
  const wish = (choice: Parameters<typeof wishOf>[2]['choice'], input: Partial<typeof typed> = {}) =>
    wishOf('a/b', 'staging', { choice, ...typed, ...input })

  test('becomes a change of the API with the name encoded', () => {
    assert.deepEqual(wish('share', { share: '12.5' }), {
      action: 'Set 12.5 % of applications',
      environment: 'staging',
      path: 'api/v4/features/a%2Fb',
      body: { environment: 'staging', value: '12.5', key: 'percentage_of_actors' },
    })
    const out = wish('opt_out', { application: '7' })
    assert.ok(typeof out === 'object')
    assert.deepEqual(out.body, { environment: 'staging', value: 'opt_out', oauth_application: '7' })
  })

  test('says what is missing or wrong', () => {
    for (const share of ['', '101', '-1', '1.2345', '10%', '1e1']) {
      assert.equal(wish('share', { share }), 'Enter a percentage from 0 to 100.', share)
    }
    assert.equal(wish('application'), 'Enter an application first.')
  })

  test('restores a version, or the state before the last change', () => {
    assert.deepEqual(restoreWish('f', 'dev', 4).body, { environment: 'dev', to_version: 4 })
    assert.deepEqual(restoreWish('f', 'dev', undefined).body, { environment: 'dev' })
  })
})

describe('the state of a flag in words', () => {
  test('names every gate that is in use', () => {
    assert.equal(stateInWords(null), 'not set')
    assert.equal(stateInWords(OFF), 'off')
    assert.equal(
      stateInWords({ ...OFF, percentage_of_actors: 25, actors: ['a:1'], opted_out: ['a:2', 'a:3'] }),
      'on for 25 % of applications, on for 1 application, 2 applications opted out',
    )
  })

  test('says how the environments differ, the exception first', () => {
    const of = (environment: string, in_words: string) =>
      ({ environment, in_words }) as FlagDocument['environments'][number]
    assert.equal(
      differenceInWords([of('dev', 'off for all'), of('pre', 'off for all')]),
      'The same in every environment: off for all.',
    )
    assert.equal(
      differenceInWords([of('dev', 'off for all'), of('pre', 'off for all'), of('production', 'on for all')]),
      'The environments differ. Production: on for all. Dev and pre: off for all.',
    )
  })
})

describe('the address of a flag', () => {
  test('names the application of the preview', () => {
    assert.deepEqual(readFlagSearch({ application: '7', other: 'x' }), { application: '7' })
    assert.deepEqual(readFlagSearch({ application: '' }), {})
  })
})
