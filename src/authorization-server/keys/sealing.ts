import { createPrivateKey, type KeyObject } from 'node:crypto'
import { seal, unseal } from '../../credentials/index.ts'

/** The signing key cannot be used: it is sealed with another key than those given, or there is none. */
export class SigningKeyError extends Error {
  readonly code = 'signing_key_unusable'
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SigningKeyError'
  }
}

/** With what private halves are sealed. The first key seals; all of them open. None: they lie open. */
export type SealingKeys = readonly Uint8Array[]

/** A private half as stored. */
export interface StoredPrivateKey {
  readonly kid: string
  readonly sealed: boolean
  readonly privateKey: Buffer
}

/** A private half ready to be stored: under AES-256-GCM, bound to its kid, when there is a key to seal with. */
export function sealed(kid: string, plain: Buffer, keys: SealingKeys): { privateKey: Buffer; sealed: boolean } {
  const [key] = keys
  return key === undefined ? { privateKey: plain, sealed: false } : { privateKey: seal(plain, key, kid), sealed: true }
}

/**
 * Opens a private half; `resealed` is what to store in its place when it was not under the first key. Throws
 * {@link SigningKeyError} when no key opens it.
 */
export function opened(stored: StoredPrivateKey, keys: SealingKeys): { key: KeyObject; resealed: Buffer | undefined } {
  const [first] = keys
  if (!stored.sealed) {
    return { key: privateKey(stored.privateKey), resealed: first && seal(stored.privateKey, first, stored.kid) }
  }
  if (first === undefined) throw new SigningKeyError('the signing key is sealed and no key is given')
  let cause: unknown
  for (const key of keys) {
    try {
      const plain = unseal(stored.privateKey, key, stored.kid)
      return { key: privateKey(plain), resealed: key === first ? undefined : seal(plain, first, stored.kid) }
    } catch (error) {
      cause = error
    }
  }
  throw new SigningKeyError('the signing key was sealed with another key', { cause })
}

function privateKey(plain: Buffer): KeyObject {
  return createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' })
}
