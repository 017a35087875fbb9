import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Session } from '../sessions/session.ts'

const SECRET_BYTES = 32

/** A new secret for a session: 32 random bytes, base64url. */
export function newCsrfSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/**
 * A token for the forms of a page: the session's secret under a fresh mask, so that every page has a different token.
 */
export function csrfToken(session: Session): string {
  if (!secretOf(session)) session.set('csrf', newCsrfSecret())
  const secret = secretOf(session) as Buffer
  const mask = randomBytes(SECRET_BYTES)
  return Buffer.concat([mask, xor(mask, secret)]).toString('base64url')
}

/** The evidence that a request came from a page of ours. */
export interface CsrfEvidence {
  /** `authenticity_token` of the form, or the X-CSRF-Token header. */
  readonly tokens: ReadonlyArray<string | undefined>
  /** The Origin header. */
  readonly origin: string | undefined
  /** The origins that serve our pages. */
  readonly ownOrigins: readonly string[]
}

/**
 * Whether a state-changing request may proceed: it needs a token of this session, and no foreign Origin (B020-B028).
 */
export function isForgeryFree(session: Session, evidence: CsrfEvidence): boolean {
  const secret = secretOf(session)
  if (!secret || isForeign(evidence)) return false
  return evidence.tokens.some((token) => token !== undefined && isTokenOf(secret, token))
}

/** Whether the browser reports that the request comes from another site's page. */
export function isForeign({ origin, ownOrigins }: Pick<CsrfEvidence, 'origin' | 'ownOrigins'>): boolean {
  return origin !== undefined && !ownOrigins.includes(origin)
}

function isTokenOf(secret: Buffer, token: string): boolean {
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length !== 2 * SECRET_BYTES) return false
  return timingSafeEqual(xor(bytes.subarray(0, SECRET_BYTES), bytes.subarray(SECRET_BYTES)), secret)
}

function secretOf(session: Session): Buffer | undefined {
  const secret = Buffer.from(session.data.csrf ?? '', 'base64url')
  return secret.length === SECRET_BYTES ? secret : undefined
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)))
}
