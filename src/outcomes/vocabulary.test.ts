import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OUTCOME_CAUSES, OUTCOME_KINDS, OUTCOME_SIDES } from './index.ts'

describe('the vocabulary of outcomes', () => {
  test('uses each word once, in the form that the API shows', () => {
    const words = [...OUTCOME_KINDS, ...OUTCOME_CAUSES, ...OUTCOME_SIDES]
    assert.equal(new Set(words).size, words.length)
    for (const word of words) assert.match(word, /^[a-z_]+$/)
  })
})
