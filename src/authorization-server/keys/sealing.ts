import { createPrivateKey, type KeyObject } from 'node:crypto'
import { seal, unseal } from '../../credentials/index.ts'

/** The signing key cannot be used: it is encrypted under a key that was not provided, or there is no sealing key. */
export class SigningKeyError extends Error {
  readonly code = 'signing_key_unusable'
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SigningKeyError'
  }
}

/**
 * The keys that encrypt private halves: the first encrypts, all of them decrypt. Empty: private halves are stored in
 * clear.
 */
export type SealingKeys = readonly Uint8Array[]

/** A stored private half. */
export interface StoredPrivateKey {
  readonly kid: string
  readonly sealed: boolean
  readonly privateKey: Buffer
}

/** A private half in its stored form: AES-256-GCM bound to its kid when there is a sealing key. */
export function sealed(kid: string, plain: Buffer, keys: SealingKeys): { privateKey: Buffer; sealed: boolean } {
  const [key] = keys
  return key === undefined ? { privateKey: plain, sealed: false } : { privateKey: seal(plain, key, kid), sealed: true }
}

/**
 * Decrypts a private half; `resealed` is the replacement to store when it was not under the first key. Throws {@link
 * SigningKeyError} when no key decrypts it.
 */
export function opened(stored: StoredPrivateKey, keys: SealingKeys): { key: KeyObject; resealed: Buffer | undefined } {
  const [first] = keys
  if (!stored.sealed) {
    return { key: privateKey(stored.privateKey), resealed: first && seal(stored.privateKey, first, stored.kid) }
  }
  if (first === undefined) throw new SigningKeyError('the signing key is sealed, but no sealing key is configured')
  let cause: unknown
  for (const key of keys) {
    try {
      const plain = unseal(stored.privateKey, key, stored.kid)
      return { key: privateKey(plain), resealed: key === first ? undefined : seal(plain, first, stored.kid) }
    } catch (error) {
      cause = error
    }
  }
  throw new SigningKeyError('the signing key was sealed with a different key', { cause })
}

function privateKey(plain: Buffer): KeyObject {
  return createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' })
}
