import { z } from 'zod'
import { MOST_SEALED_BYTES, seal, sessionParts, setCookies, unseal } from './sealed-cookie.ts'

/** A message shown once, on the next page. */
const flashSchema = z.object({ kind: z.enum(['notice', 'alert']), text: z.string() })
export type Flash = z.infer<typeof flashSchema>

const sessionSchema = z.object({
  /** The signed-in session's id; its digest is a row of the store, so that signing out ends it everywhere. */
  id: z.string().optional(),
  /** 32 bytes, base64url: what CSRF tokens are masked forms of. */
  csrf: z.string().optional(),
  /** Path and query to go to after sign-in. */
  returnTo: z.string().optional(),
  flash: flashSchema.optional(),
  /** Digests of the login challenges this user has signed in for. */
  signedInFor: z.array(z.string()).optional(),
})
export type SessionData = z.infer<typeof sessionSchema>

/** What a browser carries in its session cookie while one request is answered. */
export interface Session {
  readonly data: Readonly<SessionData>
  set<Key extends keyof SessionData>(key: Key, value: SessionData[Key]): void
  /** Forgets everything but what is given: done at sign-in and sign-out, so that no session can be fixed beforehand. */
  reset(data: SessionData): void
  /** The Set-Cookie values that carry over what has changed; none when nothing has. */
  cookies(secure: boolean): string[]
}

/** Opens the session of a request. A cookie that is missing, foreign, broken or forged begins an empty one. */
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
  // An address too long to carry is left behind: signing in then ends on the home page.
  const text = JSON.stringify(data)
  const fits = Buffer.byteLength(text) <= MOST_SEALED_BYTES
  return seal(fits ? text : JSON.stringify({ ...data, returnTo: undefined }), key) ?? []
}
