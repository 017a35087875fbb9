import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Parameters } from '../../authorization-server/index.ts'
import { isGenuineVerifier, mintVerifier, type VerifierKind } from '../../credentials/index.ts'

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
      /** The scope texts of what the user has granted to the client at the monolith; absent in answers recorded by older versions. */
      readonly grantedScopes?: readonly string[]
    }
  | { readonly kind: 'consented' }
  | { readonly kind: 'rejected'; readonly error: string; readonly description: string | undefined }

/** How long somebody is taken to be busy with a sign-in or consent page that was shown to them, in seconds. */
export const BUSY_SECONDS = 600
/** How long an answer holds for the browser that brings it back, in seconds, counted from the last time it was given. */
export const ANSWER_SECONDS = 120

/** Whether a sign-in at `authTime` still counts as made for a request that wants one of its own; both in seconds. */
export function isFreshSignIn(authTime: number, now: number): boolean {
  return authTime > now - BUSY_SECONDS
}

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
 * The verifier that answers a challenge. Its random part follows from challenge and key, so that an answer that was lost
 * can be given again without the verifier being stored. `expiresAt`, in seconds since the epoch, is for routers: until
 * then they know the verifier for IAM's. How long the answer behind it holds is for the store to say.
 */
export function verifierFor(kind: VerifierKind, challenge: string, key: Uint8Array, expiresAt: number): string {
  return mintVerifier(kind, key, expiresAt, nonceFor(kind, challenge, key))
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
