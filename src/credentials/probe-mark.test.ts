import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { issueProbeMark, readProbeMark } from './probe-mark.ts'

const KEY = Buffer.alloc(32, 7)
const NOW = 1_800_000_000
const MARK = { clientId: 'twin', side: 'iam', cannotReachIam: false } as const

describe('the mark of a probe', () => {
  test('returns what it was issued for', () => {
    assert.deepEqual(readProbeMark(issueProbeMark(MARK, KEY, NOW), KEY, NOW), MARK)
    const drill = { clientId: 'a "b" \u00e4', side: undefined, cannotReachIam: true }
    assert.deepEqual(readProbeMark(issueProbeMark(drill, KEY, NOW), KEY, NOW), drill)
  })

  test('is valid for a minute, on machines whose clocks differ by half a minute', () => {
    const mark = issueProbeMark(MARK, KEY, NOW)
    assert.deepEqual(readProbeMark(mark, KEY, NOW + 59), MARK)
    assert.deepEqual(readProbeMark(mark, KEY, NOW - 30), MARK)
    assert.equal(readProbeMark(mark, KEY, NOW + 60), undefined)
    assert.equal(readProbeMark(mark, KEY, NOW - 31), undefined)
  })

  test('is refused with another key, with changed fields and in any other form', () => {
    const mark = issueProbeMark(MARK, KEY, NOW)
    const [, signature] = mark.split('.')
    const other = Buffer.from(JSON.stringify(['other', 'iam', true, NOW + 60])).toString('base64url')
    const forged = [`${other}.${signature}`, `${mark}x`, mark.slice(0, -1), '', '.', 'iam', 'a'.repeat(10_000)]
    for (const text of forged) assert.equal(readProbeMark(text, KEY, NOW), undefined)
    assert.equal(readProbeMark(mark, Buffer.alloc(32, 8), NOW), undefined)
  })
})
