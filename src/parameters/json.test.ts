import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { scanJson } from './json.ts'

function membersOf(text: string): Array<[string, unknown]> {
  const members: Array<[string, unknown]> = []
  scanJson(text, { has: () => true, take: (name, value) => void members.push([name, value]) })
  return members
}

describe('a scan of JSON', () => {
  test('delivers the members of the outermost object, and tells which are not strings', () => {
    const text = '{"a":"1", "b" : null,"c":{"a":"2"},"d":["x",{"a":"3"}],"e":4,"\\u0061":"5\\n"}'
    const [object, list, number] = [undefined, undefined, undefined]
    assert.deepEqual(membersOf(text), [
      ['a', '1'],
      ['b', null],
      ['c', object],
      ['d', list],
      ['e', number],
      ['a', '5\n'],
    ])
  })

  test('finds in any object what JSON.parse finds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.json())), (object) => {
        const found = Object.fromEntries(membersOf(JSON.stringify(object)))
        assert.deepEqual({ ...found }, { ...object })
      }),
    )
  })

  test('never throws and always terminates, whatever the text', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\/*\n a1') }), (text) => void membersOf(text)))
  })

  const tooMuch: Array<[string, string]> = [
    ['brackets', '['.repeat(101)],
    ['braces', '{"a":'.repeat(101)],
    ['commas', `[${'1,'.repeat(4_096)}1]`],
    ['members', `{${'"a":1,'.repeat(1_024)}"a":1}`],
    ['members of inner objects', `[${'{"a":1},'.repeat(1_024)}{"a":1}]`],
    ['escapes', `"${'\\n'.repeat(70_000)}"`],
    ['escapes in a member', `{"a":"${'\\"'.repeat(70_000)}"}`],
    ['spaces', `{${' '.repeat(300_000)}"a":"b"}`],
    ['spaces in a member', `{"a":${' '.repeat(300_000)}"b"}`],
    ['comments', `{${'/**/'.repeat(70_000)}"a":"b"}`],
    ['digits', `{"a":${'1'.repeat(300_000)}}`],
  ]
  for (const [what, text] of tooMuch) {
    test(`ends early at too many ${what}`, () => assert.equal(scanJson(text), 'too_much'))
  }

  test('counts the members that it delivers', () => {
    const members = { has: () => true, take: () => {} }
    assert.equal(scanJson(`{${'"a":"b",'.repeat(1_023)}"a":1}`, members), 'within_limits')
    for (const value of ['"b"', '1', '[]']) {
      assert.equal(scanJson(`{${`"a":${value},`.repeat(1_024)}"a":1}`, members), 'too_much', value)
    }
  })

  test('accepts what stays within the limits, and brackets inside strings', () => {
    for (const text of ['['.repeat(100) + ']'.repeat(100), `[${'1,'.repeat(4_095)}1]`, `"${'[,'.repeat(9_000)}"`]) {
      assert.equal(scanJson(text), 'within_limits')
    }
  })
})
