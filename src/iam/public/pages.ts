import {
  authorizationErrorBody,
  pageReply,
  plainLayout,
  redirectReply,
  retryAfter,
} from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'

const UNCACHED = [['Cache-Control', 'no-store']] as const

/**
 * 302 to a page of the hand-off, with the cookies of the flow. Never cached: its target is for one browser and one use.
 */
export function handOffRedirect(location: string, cookies: readonly string[]): HttpReply {
  return withCookies(redirectReply(location, UNCACHED), cookies)
}

/** A page that explains why a sign-in cannot continue; 400 by default. */
export function errorPage(text: string, status = 400): HttpReply {
  const title = 'An error has occurred'
  return pageReply(status, plainLayout({ title, body: authorizationErrorBody(text) }), UNCACHED)
}

/** {@link errorPage} with a Retry-After header. */
export function laterPage(text: string, status: 429 | 503, waitMs: number): HttpReply {
  const reply = errorPage(text, status)
  return { ...reply, headers: [...reply.headers, retryAfter(waitMs)] }
}

/** The reply with additional cookies. */
export function withCookies(reply: HttpReply, cookies: readonly string[]): HttpReply {
  const lines = cookies.map((cookie) => ['Set-Cookie', cookie] as const)
  return lines.length === 0 ? reply : { ...reply, headers: [...reply.headers, ...lines] }
}
