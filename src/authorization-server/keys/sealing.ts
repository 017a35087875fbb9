import { createCipheriv, createDecipheriv, createPrivateKey, type KeyObject, randomBytes } from 'node:crypto'

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
  return key === undefined ? { privateKey: plain, sealed: false } : { privateKey: seal(plain, kid, key), sealed: true }
}

/**
 * Opens a private half; `resealed` is what to store in its place when it was not under the first key. Throws
 * {@link SigningKeyError} when no key opens it.
 */
export function opened(stored: StoredPrivateKey, keys: SealingKeys): { key: KeyObject; resealed: Buffer | undefined } {
  const [first] = keys
  if (!stored.sealed) {
    return { key: privateKey(stored.privateKey), resealed: first && seal(stored.privateKey, stored.kid, first) }
  }
  if (first === undefined) throw new SigningKeyError('the signing key is sealed and no key is given')
  let cause: unknown
  for (const key of keys) {
    try {
      const plain = unseal(stored.privateKey, stored.kid, key)
      return { key: privateKey(plain), resealed: key === first ? undefined : seal(plain, stored.kid, first) }
    } catch (error) {
      cause = error
    }
  }
  throw new SigningKeyError('the signing key was sealed with another key', { cause })
}

function privateKey(plain: Buffer): KeyObject {
  return createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' })
}

/** 12 bytes of nonce, 16 of tag, then the ciphertext; bound to the kid. */
function seal(plain: Buffer, kid: string, key: Uint8Array): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(kid))
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext])
}

function unseal(stored: Buffer, kid: string, key: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, stored.subarray(0, 12)).setAAD(Buffer.from(kid))
  decipher.setAuthTag(stored.subarray(12, 28))
  return Buffer.concat([decipher.update(stored.subarray(28)), decipher.final()])
}
