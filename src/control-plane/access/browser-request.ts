import type { FastifyReply, FastifyRequest } from 'fastify'
import { type CookieName, cookieLine, cookieName, secretInCookie, valueInCookie } from './sessions/session-cookie.ts'

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
  { name, secret, maxAgeS }: { readonly name: CookieName; readonly secret: string; readonly maxAgeS: number },
): void {
  reply.header('Set-Cookie', cookieLine(cookieName(name, isSecure(place)), secret, maxAgeS, isSecure(place)))
}

/**
 * The address of a page of the control plane, relative to the page that a request asked for. Unlike an absolute path, it
 * also works behind a proxy that serves the control plane under a path of its own.
 *
 * @param target a path without a leading slash
 */
export function pathTo(request: FastifyRequest, target: string): string {
  const depth = (request.url.split('?', 1)[0] ?? '').split('/').length - 2
  return `${depth === 0 ? './' : '../'.repeat(depth)}${target}`
}

const RETURN_LIFE_S = 1_800
const LONGEST_RETURN = 2_000

/** Notes in the browser which page of the console it asked for, to open it after the sign-in. */
export function rememberPath(place: BrowserPlace, reply: FastifyReply, path: string): void {
  if (!isConsolePath(path)) return
  giveCookie(place, reply, {
    name: 'return',
    secret: Buffer.from(path).toString('base64url'),
    maxAgeS: RETURN_LIFE_S,
  })
}

/** The noted page, once; undefined if there is none, or if it is no page of the console. */
export function takeRememberedPath(place: BrowserPlace, request: FastifyRequest, reply: FastifyReply) {
  const value = valueInCookie(request.headers.cookie, cookieName('return', isSecure(place)))
  if (value === undefined) return undefined
  giveCookie(place, reply, { name: 'return', secret: '', maxAgeS: 0 })
  const path = Buffer.from(value, 'base64url').toString('utf8')
  return isConsolePath(path) ? path : undefined
}

function isConsolePath(path: string): boolean {
  return path.length <= LONGEST_RETURN && /^console\/[\x21-\x5b\x5d-\x7e]*$/.test(path)
}

/** The browser's statement about the origin of a request. */
export function originOf({ headers }: FastifyRequest) {
  const site = headers['sec-fetch-site']
  return { origin: headers.origin, fetchSite: typeof site === 'string' ? site : undefined }
}

function isSecure({ publicOrigin }: BrowserPlace): boolean {
  return publicOrigin?.startsWith('https:') ?? false
}
