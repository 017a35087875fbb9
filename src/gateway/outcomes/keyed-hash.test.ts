import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { KeyedHash } from './keyed-hash.ts'

describe('the keyed hash of credentials', () => {
  const [one, other] = [randomBytes(32), randomBytes(32)]
  const hashes: ReadonlyArray<'of' | 'ofToken' | 'ofNetwork'> = ['of', 'ofToken', 'ofNetwork']
  for (const name of hashes) {
    test(`${name}: is equal at all gateways with the same key, differs without it, and shows nothing of the text`, () => {
      const text = '0a1b2c3d4e5f60718293a4b5c6d7e8f9'
      const hashed = new KeyedHash(one)[name](text)
      assert.match(hashed, /^[0-9A-Za-z_-]{16,32}$/)
      assert.equal(new KeyedHash(one)[name](text), hashed)
      assert.notEqual(new KeyedHash(other)[name](text), hashed)
      assert.notEqual(new KeyedHash(one)[name](`${text}0`), hashed)
      assert.ok(!hashed.includes(text.slice(0, 6)))
    })
  }

  test('tokens that differ in one character have hashes that differ everywhere', () => {
    const hash = new KeyedHash(one)
    const tokens = Array.from({ length: 5_000 }, (_, number) => hash.ofToken(`token-${number}`))
    assert.equal(new Set(tokens).size, tokens.length)
    for (let at = 0; at < 16; at++) assert.equal(new Set(tokens.map((text) => text[at])).size, 64)
  })
})
