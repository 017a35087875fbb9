import { encodeField, unescapeHtml } from './forms.ts'
import type { Seed } from './seed.ts'
import type { Answer } from './transport.ts'

const SECRETS = ['access_token', 'refresh_token', 'device_code', 'code']

/**
 * Replaces every value that differs from run to run with a placeholder: `<opaque:64:hex#2>` is the second secret seen,
 * 64 characters of the alphabet hex; `{uid:conf}` and `{secret:conf}` are from the seed; `{base}` is the server.
 */
export class Placeholders {
  readonly #seen = new Map<string, string>()
  readonly #csrf = new Set<string>()
  readonly #fixed: ReadonlyArray<readonly [value: string, placeholder: string]>

  constructor(seed: Seed, base: string) {
    const secure = base.replace(/^http:/, 'https:')
    this.#fixed = [
      ...Object.entries(seed.clients).flatMap(([key, { uid, secret }]) => [
        [uid, `{uid:${key}}`] as const,
        [secret, `{secret:${key}}`] as const,
      ]),
      [base, '{base}'],
      [encodeURIComponent(base), '{base}'],
      [secure, '{base:https}'],
      [encodeURIComponent(secure), '{base:https}'],
    ]
  }

  /** Remembers one value as a secret of a kind. Short values count as plain text. */
  note(value: unknown, kind = 'opaque'): void {
    if (typeof value !== 'string' || value.length < 6 || this.#seen.has(value)) return
    this.#seen.set(value, `<${kind}:${value.length}:${alphabetOf(value)}#${this.#seen.size + 1}>`)
  }

  /** Remembers the secrets that a response issues. */
  learn({ headers, body }: Answer): void {
    for (const [, value = ''] of (headers.location ?? '').matchAll(
      /[?&#](?:code|access_token|id_token|login_challenge)=([^&#]+)/g,
    )) {
      this.note(decodeURIComponent(value))
    }
    const type = headers['content-type'] ?? ''
    if (type.includes('json')) this.#learnFrom(parseJson(body))
    if (type.includes('html')) this.#learnPage(body)
  }

  /** The text with every known value replaced. */
  text(value: string): string {
    let text = value
    for (const [secret, placeholder] of this.#seen) {
      text = text.replaceAll(secret, placeholder).replaceAll(encodeURIComponent(secret), placeholder)
    }
    for (const token of this.#csrf) {
      text = text
        .replaceAll(token, '<csrf>')
        .replaceAll(encodeURIComponent(token), '<csrf>')
        .replaceAll(encodeField(token), '<csrf>')
    }
    for (const [fixed, placeholder] of this.#fixed) text = text.replaceAll(fixed, placeholder)
    return text
  }

  #learnPage(body: string): void {
    for (const [, field, meta] of body.matchAll(
      /name="authenticity_token" value="([^"]+)"|name="csrf-token" content="([^"]+)"/g,
    )) {
      const token = field ?? meta ?? ''
      this.#csrf.add(unescapeHtml(token)).add(token)
    }
    for (const [, code] of body.matchAll(/id="authorization_code">([^<]+)</g)) this.note(code)
    for (const [, after, before] of body.matchAll(/name="code"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="code"/g)) {
      this.note(after ?? before)
    }
    for (const [, code] of body.matchAll(/[?&]code=([0-9a-zA-Z_-]{20,})/g)) this.note(code)
  }

  #learnFrom(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    for (const [key, member] of Object.entries(value)) {
      if (SECRETS.includes(key)) this.note(member)
      else if (key === 'user_code') this.note(member, 'user_code')
      else if (key === 'redirect_uri' && typeof member === 'string') {
        for (const [, code] of member.matchAll(/[?&#]code=([^&#]+)/g)) this.note(code)
      } else this.#learnFrom(member)
    }
  }
}

/** The narrowest alphabet that contains a value. */
export function alphabetOf(value: string): string {
  if (/^[0-9a-f]+$/.test(value)) return 'hex'
  if (/^[A-Z0-9]+$/.test(value)) return 'A-Z0-9'
  if (/^[A-Za-z0-9]+$/.test(value)) return 'alnum'
  if (/^[A-Za-z0-9_-]+$/.test(value)) return 'base64url'
  return /^[A-Za-z0-9+/=]+$/.test(value) ? 'base64' : 'other'
}

/** Parses JSON; undefined if it is invalid. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
