import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loggableClientId } from './loggable-client-id.ts'

const SECRET = 'f3c1'.repeat(16)

describe('a client id in a log', () => {
  test('is shown for a known application, truncated to 255 characters', () => {
    assert.equal(loggableClientId('mobile-app', true), 'mobile-app')
    assert.equal(loggableClientId('a'.repeat(300), true).length, 255)
  })

  test('is a fingerprint that distinguishes two ids if no application has it', () => {
    const shown = loggableClientId(SECRET, false)
    assert.match(shown, /^sha256:[0-9a-f]{8}$/)
    assert.equal(loggableClientId(SECRET, false), shown)
    assert.notEqual(loggableClientId(`${SECRET}x`, false), shown)
  })

  test('is a fingerprint for the shape of a credential if it is not known whether an application has it', () => {
    for (const credential of ['gloas-abc', 'glpat-abc', 'gliamrt-abc', 'eyJhbGciOiJIUzI1NiJ9.e30.x']) {
      assert.match(loggableClientId(credential, undefined), /^sha256:/)
    }
    assert.equal(loggableClientId('mobile-app', undefined), 'mobile-app')
  })
})
