import type { CredentialType } from '../../credentials/index.ts'
import type { Endpoint } from '../../routing/index.ts'

/** An issued credential, and how long it may be presented. */
export interface Issued {
  readonly value: string
  readonly type: Exclude<CredentialType, 'login_verifier' | 'consent_verifier'> | 'user_code'
  /** Seconds. */
  readonly lifetime: number
}

/** RFC 6749 §4.1.2 allows at most ten minutes; the rest is a margin for clock skew. */
const CODE_SECONDS = 900
/** For an access token without `expires_in` (RFC 6749 §5.1). */
const ACCESS_SECONDS = 7_200
/** Doorkeeper's refresh tokens never expire; one that is unused for this long is forgotten. */
const REFRESH_SECONDS = 90 * 86_400
const MARGIN_SECONDS = 120

/**
 * Reads what a JSON response of the token or device endpoint issues (RFC 6749 §5.1, RFC 8628 §3.2); empty for any
 * other.
 */
export function issuedInJson(endpoint: Endpoint, text: string): Issued[] {
  const answer = objectIn(text)
  if (answer === undefined) return []
  const issued: Issued[] = []
  const note = (name: Issued['type'], lifetime: number) => {
    const value = answer[name]
    if (typeof value === 'string' && value !== '') issued.push({ value, type: name, lifetime })
  }
  if (endpoint === 'token') {
    note('access_token', secondsOf(answer['expires_in'], ACCESS_SECONDS) + MARGIN_SECONDS)
    const said = answer['refresh_token_expires_in'] ?? answer['refresh_expires_in']
    note('refresh_token', secondsOf(said, REFRESH_SECONDS) + MARGIN_SECONDS)
  } else if (endpoint === 'authorize_device') {
    const lifetime = secondsOf(answer['expires_in'], CODE_SECONDS) + MARGIN_SECONDS
    note('device_code', lifetime)
    note('user_code', lifetime)
  }
  return issued
}

/** Reads the code that a redirect delivers to a client, in its query or fragment (RFC 6749 §4.1.2). */
export function issuedInLocation(location: string): Issued[] {
  const at = location.search(/[?#]/)
  if (at < 0 || !location.includes('code=', at)) return []
  for (const part of location.slice(at + 1).split(/[?#]/)) {
    const value = new URLSearchParams(part).get('code')
    if (value) return [{ value, type: 'authorization_code', lifetime: CODE_SECONDS }]
  }
  return []
}

const INPUT = /<input\b[^>]{0,2000}>/gi
const CODE_NAME = /\bname\s*=\s*(?:"code"|'code')/i
const VALUE = /\bvalue\s*=\s*(?:"([^"]*)"|'([^']*)')/i
const ENTITY = /&(?:#(\d{1,6})|#x([0-9a-f]{1,6})|amp);/gi

/** Reads the code in a form that a browser posts to a client (OAuth 2.0 Form Post Response Mode §2). */
export function issuedInForm(page: string): Issued[] {
  if (!/<form\b/i.test(page)) return []
  for (const [input] of page.matchAll(INPUT)) {
    const match = CODE_NAME.test(input) ? VALUE.exec(input) : null
    const value = decoded(match?.[1] ?? match?.[2] ?? '')
    if (value !== '') return [{ value, type: 'authorization_code', lifetime: CODE_SECONDS }]
  }
  return []
}

function decoded(text: string): string {
  return text.replace(ENTITY, (_, decimal?: string, hex?: string) => {
    const character = decimal === undefined ? Number.parseInt(hex ?? '26', 16) : Number(decimal)
    return character <= 0x10ffff ? String.fromCodePoint(character) : ''
  })
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const document: unknown = JSON.parse(text)
    return document !== null && typeof document === 'object' ? (document as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Keycloak uses 0 for a token that does not expire. */
function secondsOf(value: unknown, fallback: number): number {
  const seconds = Number(value)
  return (typeof value === 'number' || typeof value === 'string') && seconds > 0 ? seconds : fallback
}
