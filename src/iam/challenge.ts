import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Parameters } from '../authorization-server/index.ts'
import { isGenuineVerifier, mintVerifier, type VerifierKind } from '../credentials/index.ts'

/** A question put to the monolith about one authorization request: who is it, or do they agree? */
export interface Challenge {
  readonly kind: VerifierKind
  /** The authorization request as it came. */
  readonly parameters: Parameters
  readonly clientId: string
  /** SHA-256 of the cookie that the browser of this flow holds. */
  readonly browserHash: Buffer
  /** Who signed in; consent only. */
  readonly subject: string | undefined
  /** What consent is asked for; consent only. */
  readonly scopes: readonly string[]
  /** Login only: sign nobody in, answer at once. */
  readonly promptNone: boolean
  /** Login only: the user must sign in anew. */
  readonly reauthenticate: boolean
}

/** What the monolith answered. */
export type Outcome =
  | {
      readonly kind: 'signed_in'
      readonly subject: string
      /** Seconds since the epoch. */
      readonly authTime: number
    }
  | { readonly kind: 'consented' }
  | { readonly kind: 'rejected'; readonly error: string; readonly description: string | undefined }

/** How long a challenge waits for its answer, in seconds. */
export const CHALLENGE_LIFETIME = 600
/** How long the browser has to bring an answer back, in seconds. */
export const VERIFIER_LIFETIME = 120

const CHALLENGE_SHAPE = /^[0-9a-f]{64}$/

/** A fresh challenge: 64 hex digits. Only its {@link challengeHash} is kept. */
export function newChallenge(): string {
  return randomBytes(32).toString('hex')
}

/** What the store knows a challenge by; undefined when the text cannot be one. */
export function challengeHash(challenge: string): Buffer | undefined {
  return CHALLENGE_SHAPE.test(challenge) ? createHash('sha256').update(challenge).digest() : undefined
}

/**
 * The verifier that answers a challenge, signed and good for {@link VERIFIER_LIFETIME}. Its random part follows from
 * challenge and key, so that an answer that was lost can be given again without the verifier being stored.
 */
export function verifierFor(kind: VerifierKind, challenge: string, key: Uint8Array, now: number): string {
  return mintVerifier(kind, key, now + VERIFIER_LIFETIME, nonceFor(kind, challenge, key))
}

/** What the store knows the verifier of a challenge by. */
export function verifierHashFor(kind: VerifierKind, challenge: string, key: Uint8Array): Buffer {
  return hashOfNonce(nonceFor(kind, challenge, key).toString('base64url'))
}

/** What the store knows a presented verifier by; undefined when this service did not sign it, whether expired or not. */
export function presentedVerifierHash(kind: VerifierKind, verifier: string, key: Uint8Array): Buffer | undefined {
  if (!isGenuineVerifier(kind, verifier, key, 0)) return undefined
  return hashOfNonce(verifier.slice(0, verifier.indexOf('.')))
}

function nonceFor(kind: VerifierKind, challenge: string, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`handover ${kind} challenge\n${challenge}`).digest().subarray(0, 24)
}

function hashOfNonce(nonce: string): Buffer {
  return createHash('sha256').update(nonce).digest()
}
