import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { browserInWords } from './browser-in-words.ts'
import { listed, splitRights } from './rights-in-words.ts'

describe('the rights of a caller', () => {
  test('are split into what they allow and what they do not', () => {
    const { allowed, denied } = splitRights({ environment: 'production', role: 'operator', may: ['brake'] })
    assert.deepEqual(allowed, ['switch the brake'])
    assert.ok(denied.includes('create and revoke tokens'))
    assert.ok(!denied.includes('switch the brake'))
  })

  test('are listed as people do', () => {
    assert.deepEqual([listed([]), listed(['a']), listed(['a', 'b', 'c'])], ['', 'a', 'a, b and c'])
  })
})

describe('a browser', () => {
  test('is named with its version and system, and otherwise by its own words', () => {
    const chrome =
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'
    assert.equal(browserInWords(chrome), 'Chrome 156 on Linux')
    assert.equal(browserInWords(`${chrome} Edg/156.0`), 'Edge 156 on Linux')
    const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.1 Mobile/15E148 Safari/604.1'
    assert.equal(browserInWords(phone), 'Safari 19 on iOS')
    assert.equal(browserInWords('<b>curl</b>'), '<b>curl</b>')
    assert.equal(browserInWords(''), 'unknown')
  })
})
