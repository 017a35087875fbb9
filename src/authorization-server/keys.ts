import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { MemberOrder } from './dialect.ts'
import { inOrder } from './member-order.ts'
import type { KeyStore, StoredKey } from './store/keys.ts'

/** A public key as /oauth/discovery/keys shows it (RFC 7517). */
export type PublicKey = Readonly<Record<'kty' | 'n' | 'e' | 'kid' | 'use' | 'alg', string>>

/** The keys that sign ID tokens. */
export interface KeyRing {
  /** Public halves: the active key first. */
  publicKeys(): Promise<readonly PublicKey[]>
  /** Signs a JWT with RS256; typ, kid and alg come first in the header, in the order given. */
  signJwt(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, string>>): Promise<string>
}

/** The signing key cannot be used: it is sealed with another key than the one given, or there is none. */
class SigningKeyError extends Error {
  readonly code = 'signing_key_unusable'
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SigningKeyError'
  }
}

interface LoadedKeys {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKeys: readonly PublicKey[]
  readonly until: number
}

const REREAD_MS = 60_000
const generate = promisify(generateKeyPair)

/**
 * Opens the key ring over a store. The first use makes an RSA key of 2,048 bits, once for all processes; its kid is the
 * thumbprint of RFC 7638. With a sealing key the private half is kept under AES-256-GCM.
 */
export function createKeyRing(
  store: KeyStore,
  sealingKey: Uint8Array | undefined,
  order: Pick<MemberOrder, 'jwk' | 'jwtHeader'>,
): KeyRing {
  let loading: Promise<LoadedKeys> | undefined
  let loaded: LoadedKeys | undefined
  const keys = (): Promise<LoadedKeys> | LoadedKeys => {
    if (loaded !== undefined && loaded.until > Date.now()) return loaded
    loading ??= loadKeys(store, sealingKey)
      .then((fresh) => {
        loaded = fresh
        return fresh
      })
      .finally(() => {
        loading = undefined
      })
    return loading
  }
  return {
    async publicKeys() {
      return (await keys()).publicKeys.map((key) => inOrder(key, order.jwk))
    },
    async signJwt(claims, header = {}) {
      const { kid, privateKey } = await keys()
      const head = encodePart({ ...inOrder({ typ: 'JWT', kid, alg: 'RS256' }, order.jwtHeader), ...header })
      const content = `${head}.${encodePart(claims)}`
      return `${content}.${(await signRs256(content, privateKey)).toString('base64url')}`
    },
  }
}

async function loadKeys(store: KeyStore, sealingKey: Uint8Array | undefined): Promise<LoadedKeys> {
  let stored = await store.list()
  if (stored[0]?.state !== 'active') {
    await store.insertActive(await newKey(sealingKey), Date.now())
    stored = await store.list()
  }
  const active = stored[0]
  if (active?.state !== 'active') throw new SigningKeyError('no signing key could be stored')
  if (!active.sealed && sealingKey)
    await store.replacePrivate(active.kid, seal(active.privateKey, active.kid, sealingKey))
  return {
    kid: active.kid,
    privateKey: openKey(active, sealingKey),
    publicKeys: stored.map(publicKeyOf),
    until: Date.now() + REREAD_MS,
  }
}

async function newKey(sealingKey: Uint8Array | undefined): Promise<Omit<StoredKey, 'state'>> {
  const pair = await generate('rsa', { modulusLength: 2_048 })
  const publicJwk = pair.publicKey.export({ format: 'jwk' })
  const kid = thumbprintOf(publicJwk)
  const plain = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
  return {
    kid,
    publicJwk,
    sealed: sealingKey !== undefined,
    privateKey: sealingKey ? seal(plain, kid, sealingKey) : plain,
  }
}

function openKey(stored: StoredKey, sealingKey: Uint8Array | undefined): KeyObject {
  if (stored.sealed && sealingKey === undefined)
    throw new SigningKeyError('the signing key is sealed and no key is given')
  try {
    const key = stored.sealed && sealingKey ? unseal(stored.privateKey, stored.kid, sealingKey) : stored.privateKey
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  } catch (cause) {
    throw new SigningKeyError('the signing key was sealed with another key', { cause })
  }
}

/** RFC 7638 §3: the required members in lexical order, hashed. */
function thumbprintOf(jwk: JsonWebKey): string {
  return createHash('sha256')
    .update(JSON.stringify({ e: jwk.e, kty: jwk.kty, n: jwk.n }))
    .digest('base64url')
}

function publicKeyOf(stored: StoredKey): PublicKey {
  const { kty = '', n = '', e = '' } = stored.publicJwk
  return { kty, n, e, kid: stored.kid, use: 'sig', alg: 'RS256' }
}

/** 12 bytes of nonce, 16 of tag, then the ciphertext; bound to the kid. */
function seal(plain: Buffer, kid: string, key: Uint8Array): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(kid))
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext])
}

function unseal(sealed: Buffer, kid: string, key: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(Buffer.from(kid))
  decipher.setAuthTag(sealed.subarray(12, 28))
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
}

function signRs256(content: string, key: KeyObject): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(content), key, (error, signature) => (error ? reject(error) : resolve(signature)))
  })
}

function encodePart(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
