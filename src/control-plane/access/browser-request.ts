import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieLine, cookieName, secretInCookie } from './sessions/session-cookie.ts'

/** Under which address browsers know the control plane. */
export interface BrowserPlace {
  /** The public origin; undefined where browsers come by the address it listens on. */
  readonly publicOrigin: string | undefined
}

/** The origin that a request was sent to, as its browser sees it. */
export function ownOriginOf({ publicOrigin }: BrowserPlace, request: FastifyRequest): string {
  return publicOrigin ?? `${request.protocol}://${request.host}`
}

/** The secret of a cookie of ours that came with a request. */
export function cookieOf(place: BrowserPlace, request: FastifyRequest, name: 'session' | 'flow'): string | undefined {
  return secretInCookie(request.headers.cookie, cookieName(name, isSecure(place)))
}

/** Gives the browser a cookie; an age of 0 takes it away. */
export function giveCookie(
  place: BrowserPlace,
  reply: FastifyReply,
  name: 'session' | 'flow',
  secret: string,
  maxAgeS: number,
): void {
  reply.header('Set-Cookie', cookieLine(cookieName(name, isSecure(place)), secret, maxAgeS, isSecure(place)))
}

/** What the browser says about where a request comes from. */
export function originOf({ headers }: FastifyRequest) {
  const site = headers['sec-fetch-site']
  return { origin: headers.origin, fetchSite: typeof site === 'string' ? site : undefined }
}

function isSecure({ publicOrigin }: BrowserPlace): boolean {
  return publicOrigin?.startsWith('https:') ?? false
}
