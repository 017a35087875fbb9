import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** What a verifier lets its bearer resume. */
export type VerifierKind = 'login' | 'consent'

const SHAPE = /^([A-Za-z0-9_-]{32})\.([0-9a-z]{1,12})\.([A-Za-z0-9_-]{43})$/

/**
 * Issues a verifier: 24 random bytes, the second at which it expires, and an HMAC-SHA-256 over the kind and both, so
 * that a router with the key can verify it without a query.
 *
 * @param expiresAt seconds since the epoch
 * @param random 24 unpredictable bytes; pass them to issue the same verifier again
 */
export function issueVerifier(
  kind: VerifierKind,
  key: Uint8Array,
  expiresAt: number,
  random: Uint8Array = randomBytes(24),
): string {
  const nonce = Buffer.from(random).toString('base64url')
  const expiry = Math.floor(expiresAt).toString(36)
  return `${nonce}.${expiry}.${sign(kind, nonce, expiry, key)}`
}

/** Whether `verifier` was issued for `kind` with `key` and has not expired at `now` (seconds since the epoch). */
export function isGenuineVerifier(kind: VerifierKind, verifier: string, key: Uint8Array, now: number): boolean {
  const match = SHAPE.exec(verifier)
  if (!match) return false
  const [, nonce = '', expiry = '', signature = ''] = match
  const wanted = Buffer.from(sign(kind, nonce, expiry, key))
  const given = Buffer.from(signature)
  return given.length === wanted.length && timingSafeEqual(given, wanted) && Number.parseInt(expiry, 36) > now
}

function sign(kind: VerifierKind, nonce: string, expiry: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`handover ${kind} verifier\n${nonce}.${expiry}`).digest('base64url')
}
