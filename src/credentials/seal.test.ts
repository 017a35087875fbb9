import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { derivedKey, seal, unseal } from './seal.ts'

const KEY = derivedKey('a secret', 'tests')

describe('a sealed value', () => {
  test('opens with its key in its context, and differs each time', () => {
    const sealed = seal(Buffer.from('nonce of a client'), KEY, 'one')
    assert.equal(unseal(sealed, KEY, 'one').toString(), 'nonce of a client')
    assert.ok(!sealed.includes('nonce of a client'))
    assert.notDeepEqual(seal(Buffer.from('nonce of a client'), KEY, 'one'), sealed)
  })

  test('does not open with another key, in another context, changed or truncated', () => {
    const sealed = seal(Buffer.from('x'), KEY, 'one')
    const changed = Buffer.from(sealed)
    changed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1
    assert.throws(() => unseal(sealed, derivedKey('a secret', 'another purpose'), 'one'))
    assert.throws(() => unseal(sealed, KEY, 'two'))
    assert.throws(() => unseal(changed, KEY, 'one'))
    for (const length of [0, 11, 12, 20, 28]) assert.throws(() => unseal(sealed.subarray(0, length), KEY, 'one'))
  })
})
