import { z } from 'zod'
import { MOST_SEALED_BYTES, seal, sessionParts, setCookies, unseal } from './sealed-cookie.ts'

/** A message shown once, on the next page. */
const flashSchema = z.object({ kind: z.enum(['notice', 'alert']), text: z.string() })
export type Flash = z.infer<typeof flashSchema>

const sessionSchema = z.object({
  /** The signed-in session's id; the store contains its digest, so that signing out ends it everywhere. */
  id: z.string().optional(),
  /** 32 bytes, base64url: the secret behind the masked CSRF tokens. */
  csrf: z.string().optional(),
  /** Path and query to return to after sign-in. */
  returnTo: z.string().optional(),
  flash: flashSchema.optional(),
  /** Digests of the login challenges this user has signed in for. */
  signedInFor: z.array(z.string()).optional(),
})
export type SessionData = z.infer<typeof sessionSchema>

/** The contents of a browser's session cookie during one request. */
export interface Session {
  readonly data: Readonly<SessionData>
  set<Key extends keyof SessionData>(key: Key, value: SessionData[Key]): void
  /** Replaces the session's data; used at sign-in and sign-out to prevent session fixation. */
  reset(data: SessionData): void
  /** The Set-Cookie values that store the changes; none when nothing has changed. */
  cookies(secure: boolean): string[]
}

/** Opens the session of a request. A missing, foreign, broken or forged cookie starts an empty one. */
export function openSession(cookieHeader: string | undefined, key: Uint8Array): Session {
  const parts = sessionParts(cookieHeader)
  let data = parse(parts.length > 0 ? unseal(parts, key) : undefined)
  let changed = false
  return {
    get data() {
      return data
    },
    set(name, value) {
      if (data[name] === value) return
      data = { ...data, [name]: value }
      changed = true
    },
    reset(next) {
      data = next
      changed = true
    },
    cookies: (secure) => (changed ? setCookies(sealData(data, key), parts.length, secure) : []),
  }
}

function parse(text: string | undefined): SessionData {
  if (text === undefined) return {}
  const read = sessionSchema.safeParse(JSON.parse(text))
  return read.success ? read.data : {}
}

function sealData(data: SessionData, key: Uint8Array): string[] {
  // An address too long to store is dropped: signing in then ends on the home page.
  const text = JSON.stringify(data)
  const fits = Buffer.byteLength(text) <= MOST_SEALED_BYTES
  return seal(fits ? text : JSON.stringify({ ...data, returnTo: undefined }), key) ?? []
}
