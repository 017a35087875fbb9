import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** The session cookie; a long one continues in `…_2`. */
const SESSION_COOKIE = '_monolith_session'
/** Browsers keep 4,096 bytes of name and value. */
const PART_LENGTH = 3_800
const MOST_PARTS = 2
/** The maximum number of bytes that {@link seal} fits into cookies. */
export const MOST_SEALED_BYTES = Math.floor((PART_LENGTH * MOST_PARTS * 3) / 4) - 32

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Encrypts a text (AES-256-GCM) into the values of at most two cookies; undefined when it is too long. */
export function seal(text: string, key: Uint8Array): string[] | undefined {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(SESSION_COOKIE))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  const sealed = Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url')
  const parts = sealed.match(new RegExp(`.{1,${PART_LENGTH}}`, 'g')) ?? []
  return parts.length <= MOST_PARTS ? parts : undefined
}

/** The inverse of {@link seal}; undefined for anything not encrypted with this key. */
export function unseal(parts: readonly string[], key: Uint8Array): string | undefined {
  const sealed = Buffer.from(parts.join(''), 'base64url')
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(SESSION_COOKIE))
    .setAuthTag(sealed.subarray(-TAG_BYTES))
  try {
    return decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return undefined
  }
}

/** The values of the session cookies of a Cookie header, in order; the first one counts when a cookie occurs twice. */
export function sessionParts(header: string | undefined): string[] {
  const parts: string[] = []
  for (const name of cookieNames()) {
    const pair = header?.split(/;\s*/).find((text) => text.startsWith(`${name}=`))
    if (pair === undefined) break
    parts.push(pair.slice(name.length + 1))
  }
  return parts
}

/** The Set-Cookie values that replace `had` earlier parts by `parts`. */
export function setCookies(parts: readonly string[], had: number, secure: boolean): string[] {
  const attributes = `; path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  return cookieNames().flatMap((name, index) => {
    const part = parts[index]
    if (part !== undefined) return [`${name}=${part}${attributes}`]
    return index < had ? [`${name}=; max-age=0${attributes}`] : []
  })
}

function cookieNames(): string[] {
  return Array.from({ length: MOST_PARTS }, (_, index) =>
    index === 0 ? SESSION_COOKIE : `${SESSION_COOKIE}_${index + 1}`,
  )
}
