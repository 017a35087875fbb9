import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const SECRET = /^[\w-]{43}$/

/** A new secret of 32 random bytes, for a cookie or a link. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is kept of such a secret: its SHA-256. */
export function secretDigest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Something else that only the holder of the secret knows, and that does not tell the secret. */
export function derivedSecret(secret: string, purpose: string): string {
  return createHmac('sha256', secret).update(purpose).digest('base64url')
}

/** Whether two secrets are the same; takes as long whichever letters differ. */
export function isSameSecret(given: string, held: string): boolean {
  return timingSafeEqual(secretDigest(given), secretDigest(held))
}

/** The name of a cookie: with `__Host-` where browsers come by https, so that no other host can set it (RFC 6265bis). */
export function cookieName(name: 'session' | 'flow', isSecure: boolean): string {
  return `${isSecure ? '__Host-' : ''}handover_${name}`
}

/** A `Set-Cookie` of a secret; it is read by no script and not sent along with other sites' requests but links. */
export function cookieLine(name: string, value: string, maxAgeS: number, isSecure: boolean): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeS}${isSecure ? '; Secure' : ''}`
}

/** The secret in a cookie; undefined when there is none, or two, or one that cannot be ours. */
export function secretInCookie(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
  const [value] = values
  return values.length === 1 && value !== undefined && SECRET.test(value) ? value : undefined
}

/** Whether text can be a secret of {@link newSecret}. */
export function isSecretShaped(text: string): boolean {
  return SECRET.test(text)
}
