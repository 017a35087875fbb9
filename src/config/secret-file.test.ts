import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureSecretFile } from './secret-file.ts'

test('an existing secret is not changed, even in a read-only directory', () => {
  assert.doesNotThrow(() => ensureSecretFile('--verifier-key-file', '/proc/version'))
  assert.throws(() => ensureSecretFile('--verifier-key-file', '/proc/not-there'), /cannot be written/)
})
