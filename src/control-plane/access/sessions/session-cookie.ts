import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const SECRET = /^[\w-]{43}$/

/** `session` and `flow` hold secrets; `return` holds where the browser goes after signing in. */
export type CookieName = 'session' | 'flow' | 'return'

/** A new secret of 32 random bytes, for a cookie or a link. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** The stored form of such a secret: its SHA-256. */
export function secretDigest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** A value derived from the secret: only its holder can compute it, and it does not reveal the secret. */
export function derivedSecret(secret: string, purpose: string): string {
  return createHmac('sha256', secret).update(purpose).digest('base64url')
}

/** Compares two secrets in constant time. */
export function isSameSecret(given: string, held: string): boolean {
  return timingSafeEqual(secretDigest(given), secretDigest(held))
}

/**
 * The name of a cookie: with the prefix `__Host-` if browsers use https, so that no other host can set it (RFC
 * 6265bis).
 */
export function cookieName(name: CookieName, isSecure: boolean): string {
  return `${isSecure ? '__Host-' : ''}handover_${name}`
}

/**
 * A `Set-Cookie` header for a secret: hidden from scripts, and sent with cross-site requests only when a link is
 * followed.
 */
export function cookieLine(name: string, value: string, maxAgeS: number, isSecure: boolean): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeS}${isSecure ? '; Secure' : ''}`
}

/** The secret in a cookie; undefined if the cookie is absent, present twice, or malformed. */
export function secretInCookie(header: string | undefined, name: string): string | undefined {
  const value = valueInCookie(header, name)
  return value !== undefined && SECRET.test(value) ? value : undefined
}

/** The value of a cookie; undefined if the cookie is absent or present twice. */
export function valueInCookie(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
  return values.length === 1 ? values[0] : undefined
}

/** Whether text can be a secret of {@link newSecret}. */
export function isSecretShaped(text: string): boolean {
  return SECRET.test(text)
}
