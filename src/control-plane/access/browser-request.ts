import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieLine, cookieName, secretInCookie } from './sessions/session-cookie.ts'

/** The address under which browsers reach the control plane. */
export interface BrowserPlace {
  /** The public origin; undefined if browsers use the address that the server listens on. */
  readonly publicOrigin: string | undefined
}

/** The origin to which a request was sent, from the browser's point of view. */
export function ownOriginOf({ publicOrigin }: BrowserPlace, request: FastifyRequest): string {
  return publicOrigin ?? `${request.protocol}://${request.host}`
}

/** The secret in the session cookie of a request. */
export function cookieOf(place: BrowserPlace, request: FastifyRequest, name: 'session' | 'flow'): string | undefined {
  return secretInCookie(request.headers.cookie, cookieName(name, isSecure(place)))
}

/** Sets the cookie in the browser; a max age of 0 deletes it. */
export function giveCookie(
  place: BrowserPlace,
  reply: FastifyReply,
  { name, secret, maxAgeS }: { readonly name: 'session' | 'flow'; readonly secret: string; readonly maxAgeS: number },
): void {
  reply.header('Set-Cookie', cookieLine(cookieName(name, isSecure(place)), secret, maxAgeS, isSecure(place)))
}

/** The browser's statement about the origin of a request. */
export function originOf({ headers }: FastifyRequest) {
  const site = headers['sec-fetch-site']
  return { origin: headers.origin, fetchSite: typeof site === 'string' ? site : undefined }
}

function isSecure({ publicOrigin }: BrowserPlace): boolean {
  return publicOrigin?.startsWith('https:') ?? false
}
