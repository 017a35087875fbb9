import {
  createHash,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
} from 'node:crypto'
import { promisify } from 'node:util'

/** JWT signing algorithms (RFC 7518 §3, RFC 8037). Doorkeeper's clients expect RS256. */
export type SigningAlgorithm = 'RS256' | 'ES256' | 'EdDSA'

/** A public key as /oauth/discovery/keys shows it (RFC 7517). */
export type PublicKey = Readonly<Record<string, string>>

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

interface Recipe {
  /** The members that make up the key, in the order of the answer. */
  readonly members: readonly string[]
  readonly digest: 'sha256' | null
  readonly options: Omit<SignKeyObjectInput, 'key'>
  generate(): Promise<Pair>
}

const generate = promisify(generateKeyPair)

const RECIPES: Readonly<Record<SigningAlgorithm, Recipe>> = {
  RS256: {
    members: ['kty', 'n', 'e'],
    digest: 'sha256',
    options: {},
    generate: () => generate('rsa', { modulusLength: 2_048 }),
  },
  ES256: {
    members: ['kty', 'crv', 'x', 'y'],
    digest: 'sha256',
    // RFC 7518 §3.4: the two integers concatenated, not DER.
    options: { dsaEncoding: 'ieee-p1363' },
    generate: () => generate('ec', { namedCurve: 'P-256' }),
  },
  EdDSA: { members: ['kty', 'crv', 'x'], digest: null, options: {}, generate: () => generate('ed25519') },
}

/** A new key pair: its public half, its thumbprint (RFC 7638) as kid, and its private half as PKCS #8. */
export async function generateSigningKey(
  algorithm: SigningAlgorithm,
): Promise<{ readonly kid: string; readonly publicJwk: JsonWebKey; readonly privateKey: Buffer }> {
  const { publicKey, privateKey } = await RECIPES[algorithm].generate()
  const publicJwk = publicKey.export({ format: 'jwk' })
  return {
    kid: thumbprintOf(publicJwk, algorithm),
    publicJwk,
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
  }
}

/** The public half as it appears in the key set. */
export function publicKeyOf(kid: string, algorithm: SigningAlgorithm, jwk: JsonWebKey): PublicKey {
  return { ...membersOf(jwk, RECIPES[algorithm].members), kid, use: 'sig', alg: algorithm }
}

/** Signs in the thread pool, so that the event loop stays free. */
export function signWith(algorithm: SigningAlgorithm, key: KeyObject, content: string): Promise<Buffer> {
  const { digest, options } = RECIPES[algorithm]
  return new Promise((resolve, reject) => {
    sign(digest, Buffer.from(content), { key, ...options }, (error, signature) =>
      error ? reject(error) : resolve(signature),
    )
  })
}

/** RFC 7638 §3: the required members in lexical order, hashed. */
function thumbprintOf(jwk: JsonWebKey, algorithm: SigningAlgorithm): string {
  const required = membersOf(jwk, [...RECIPES[algorithm].members].sort())
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url')
}

function membersOf(jwk: JsonWebKey, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, String(jwk[name])]))
}
