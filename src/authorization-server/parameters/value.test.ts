import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ParameterValue } from './value.ts'
import { textOf } from './value.ts'

describe('a parameter that must be text', () => {
  const absent: readonly ParameterValue[] = ['', ' \t\n', '\u00a0', null, false, [], [null], [null, null], {}]
  for (const value of absent) {
    it(`is absent as ${JSON.stringify(value)}`, () => assert.equal(textOf({ code: value }, 'code'), undefined))
  }

  for (const value of [[''], ['x'], [[]], { a: null }] satisfies ParameterValue[]) {
    it(`is present as ${JSON.stringify(value)}, and equal to nothing`, () => {
      assert.match(textOf({ code: value }, 'code') ?? '', /\0/)
    })
  }

  it('accepts a number or true as JSON writes them', () => {
    assert.equal(textOf({ code: 12_345 }, 'code'), '12345')
    assert.equal(textOf({ code: true }, 'code'), 'true')
  })
})
