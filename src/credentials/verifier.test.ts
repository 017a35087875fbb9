import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isGenuineVerifier, issueVerifier } from './index.ts'

const key = randomBytes(32)
const NOW = 1_800_000_000

describe('a verifier', () => {
  const verifier = issueVerifier('login', key, NOW + 60)

  test('is genuine for its kind, with its key, until it expires', () => {
    assert.equal(isGenuineVerifier('login', verifier, key, NOW), true)
    assert.equal(isGenuineVerifier('login', verifier, key, NOW + 59), true)
    assert.equal(isGenuineVerifier('login', verifier, key, NOW + 60), false)
  })

  test('is not genuine for another kind or with another key', () => {
    assert.equal(isGenuineVerifier('consent', verifier, key, NOW), false)
    assert.equal(isGenuineVerifier('login', verifier, randomBytes(32), NOW), false)
  })

  test('is invalidated by any change of any character', () => {
    for (let at = 0; at < verifier.length; at++) {
      for (const other of ['A', 'z', '9', '.', '=', '\u0000', 'ü']) {
        if (verifier[at] === other) continue
        const changed = verifier.slice(0, at) + other + verifier.slice(at + 1)
        assert.equal(
          isGenuineVerifier('login', changed, key, NOW),
          false,
          `character ${at} as ${JSON.stringify(other)}`,
        )
      }
    }
  })

  test('cannot be extended', () => {
    const [nonce = '', , signature = ''] = verifier.split('.')
    for (const expiry of [(NOW + 6_000).toString(36), 'zzzzzzzzzzzz', '-1', '1e9', 'NaN']) {
      assert.equal(isGenuineVerifier('login', `${nonce}.${expiry}.${signature}`, key, NOW), false)
    }
  })

  test('is never issued twice', () => {
    assert.equal(new Set(Array.from({ length: 1_000 }, () => issueVerifier('login', key, NOW))).size, 1_000)
  })

  test('cannot be forged, whatever the text', () => {
    const look = fc.tuple(fc.base64String(), fc.base64String(), fc.base64String()).map((parts) => parts.join('.'))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), look), (text) => !isGenuineVerifier('login', text, key, NOW)),
    )
  })
})
