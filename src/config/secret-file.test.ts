import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureSecretFile } from './secret-file.ts'

test('a secret that is there is left alone, also where nothing can be written', () => {
  assert.doesNotThrow(() => ensureSecretFile('--verifier-key-file', '/proc/version'))
  assert.throws(() => ensureSecretFile('--verifier-key-file', '/proc/not-there'), /cannot be written/)
})
