import type { HttpReply } from '../../http/index.ts'
import { securityHeaders } from '../responses/replies.ts'

/** A guess that was not checked because there were too many of its kind. */
export class TooManyGuessesError extends Error {
  readonly code = 'too_many_guesses'
  readonly waitMs: number
  constructor(waitMs: number) {
    super('too many guesses')
    this.name = 'TooManyGuessesError'
    this.waitMs = waitMs
  }
}

/** The text for a user, on any page. */
export const TOO_MANY_TEXT = 'There were too many requests or attempts. Please wait a little, then try again.'

/** The value of Retry-After for a wait: whole seconds, at least one (RFC 9110 §10.2.3). */
export function retryAfter(waitMs: number): readonly [string, string] {
  return ['Retry-After', String(Math.max(1, Math.ceil(waitMs / 1_000)))]
}

/**
 * 429 for clients (RFC 6585 §4): `temporarily_unavailable`, which reveals nothing about the credentials, or `slow_down`
 * for a polling device, which would stop at any other error (RFC 8628 §3.5).
 */
export function tooManyRequests(waitMs: number, isPoll = false): HttpReply {
  const error = isPoll ? 'slow_down' : 'temporarily_unavailable'
  return {
    status: 429,
    headers: [
      ...securityHeaders,
      ['Content-Type', 'application/json; charset=utf-8'],
      ['Cache-Control', 'no-store'],
      retryAfter(waitMs),
    ],
    body: JSON.stringify({ error, error_description: TOO_MANY_TEXT }),
  }
}
