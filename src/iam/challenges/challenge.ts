import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Parameters } from '../../authorization-server/index.ts'
import { isGenuineVerifier, issueVerifier, type VerifierKind } from '../../credentials/index.ts'

/** A question to the monolith about one authorization request: who is the user, or does the user consent? */
export interface Challenge {
  readonly kind: VerifierKind
  /** The authorization request as received. */
  readonly parameters: Parameters
  readonly clientId: string
  /** SHA-256 of the cookie in this flow's browser. */
  readonly browserHash: Buffer
  /** The signed-in user; consent only. */
  readonly subject: string | undefined
  /** The scopes that need consent; consent only. */
  readonly scopes: readonly string[]
  /** Login only: show no page, answer immediately. */
  readonly promptNone: boolean
  /** Login only: the user must sign in again. */
  readonly reauthenticate: boolean
}

/** The monolith's answer. */
export type Outcome =
  | {
      readonly kind: 'signed_in'
      readonly subject: string
      /** Seconds since the epoch. */
      readonly authTime: number
      /**
       * The scope texts that the user has granted to the client at the monolith; absent in answers recorded by older
       * versions.
       */
      readonly grantedScopes?: readonly string[]
    }
  | { readonly kind: 'consented' }
  | { readonly kind: 'rejected'; readonly error: string; readonly description: string | undefined }

/** How long a user is presumed to be working on a sign-in or consent page, in seconds. */
export const BUSY_SECONDS = 600
/** How long an answer is valid for the browser that brings it back, in seconds since it was last given. */
export const ANSWER_SECONDS = 120

/** Whether a sign-in at `authTime` counts as fresh for a request that requires a new one; both in seconds. */
export function isFreshSignIn(authTime: number, now: number): boolean {
  return authTime > now - BUSY_SECONDS
}

const CHALLENGE_SHAPE = /^[0-9a-f]{64}$/

/** A new challenge: 64 hex digits. Only its {@link challengeHash} is stored. */
export function newChallenge(): string {
  return randomBytes(32).toString('hex')
}

/** The stored form of a challenge; undefined when the text cannot be a challenge. */
export function challengeHash(challenge: string): Buffer | undefined {
  return CHALLENGE_SHAPE.test(challenge) ? createHash('sha256').update(challenge).digest() : undefined
}

/**
 * The verifier for the answer to a challenge. Its random part is derived from challenge and key, so that a lost answer
 * can be repeated without storing the verifier. `expiresAt`, in seconds since the epoch, tells routers until when to
 * recognise the verifier as IAM's. The store decides how long the answer itself is valid.
 */
export function verifierFor(kind: VerifierKind, challenge: string, key: Uint8Array, expiresAt: number): string {
  return issueVerifier(kind, key, expiresAt, nonceFor(kind, challenge, key))
}

/** The stored form of the verifier of a challenge. */
export function verifierHashFor(kind: VerifierKind, challenge: string, key: Uint8Array): Buffer {
  return hashOfNonce(nonceFor(kind, challenge, key).toString('base64url'))
}

/** The stored form of a presented verifier; undefined when this service did not sign it. Ignores expiry. */
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
