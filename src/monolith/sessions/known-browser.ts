import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * The cookie with which a browser remembers users who have signed in there, so that guesses made elsewhere do not lock
 * them out. A thief gains ten guesses and nothing else.
 */
const COOKIE = '_monolith_known'
const MOST_USERS = 4
const LIFETIME_SECONDS = 365 * 86_400
const ENTRY = /^[\w-]{22}\.[\w-]{43}$/

/** Reads and creates these cookies; `key` is the one that encrypts sessions. */
export interface KnownBrowsers {
  /** What identifies this browser for a user; undefined where the user has never signed in there. */
  markOf(cookieHeader: string | undefined, username: string): string | undefined
  /**
   * The `Set-Cookie` value that adds a user who has signed in; undefined when the browser has already remembered the
   * user.
   */
  remember(cookieHeader: string | undefined, username: string, secure: boolean): string | undefined
}

/** Creates {@link KnownBrowsers}. */
export function knownBrowsers(key: Uint8Array): KnownBrowsers {
  const sign = (username: string, nonce: string) =>
    createHmac('sha256', key).update(`handover known browser\n${nonce}\n${username}`).digest()
  const markOf = (cookieHeader: string | undefined, username: string) =>
    entriesIn(cookieHeader)
      .map((entry) => entry.split('.') as [string, string])
      .find(([nonce, mac]) => timingSafeEqual(Buffer.from(mac, 'base64url'), sign(username, nonce)))?.[0]
  return {
    markOf,
    remember(cookieHeader, username, secure) {
      if (markOf(cookieHeader, username) !== undefined) return undefined
      const nonce = randomBytes(16).toString('base64url')
      const entry = `${nonce}.${sign(username, nonce).toString('base64url')}`
      const value = [entry, ...entriesIn(cookieHeader)].slice(0, MOST_USERS).join('~')
      const attributes = `path=/users/sign_in; max-age=${LIFETIME_SECONDS}; HttpOnly; SameSite=Lax`
      return `${COOKIE}=${value}; ${attributes}${secure ? '; Secure' : ''}`
    },
  }
}

function entriesIn(cookieHeader: string | undefined): string[] {
  const pair = cookieHeader?.split(/;\s*/).find((text) => text.startsWith(`${COOKIE}=`))
  const entries = pair?.slice(COOKIE.length + 1).split('~') ?? []
  return entries.filter((entry) => ENTRY.test(entry)).slice(0, MOST_USERS)
}
