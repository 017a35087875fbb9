import { z } from 'zod'

/** A claim value: JSON of at most three levels. */
export type ClaimValue =
  | string
  | number
  | boolean
  | null
  | readonly ClaimValue[]
  | { readonly [member: string]: ClaimValue }

/** The claims that a platform supplies about a user, by claim name. */
export type UserClaims = Readonly<Record<string, ClaimValue>>

const MOST_CLAIMS = 64
const MOST_BYTES = 32_768
const MOST_ENTRIES = 1_000
const LONGEST_STRING = 4_096
const DEEPEST = 3

const NAME = /^[\x21-\x7e]{1,255}$/

/** Claims that only the authorization server itself may set in a token or a userinfo answer. */
const RESERVED: ReadonlySet<string> = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'auth_time', 'nonce', 'acr', 'amr', 'azp', 'at_hash', 'c_hash'],
  ...['s_hash', 'sid', 'cnf', 'act', 'scope', 'client_id', 'events', '_claim_names', '_claim_sources', '__proto__'],
])

type Kind = 'a string' | 'a boolean' | 'a number' | 'an object' | 'an array of strings'

/** The types of the standard claims (OpenID Connect Core §5.1), and of `groups`. */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'].map(
    (name): [string, Kind] => [name, 'a string'],
  ),
  ...['website', 'email', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'].map((name): [string, Kind] => [
    name,
    'a string',
  ]),
  ['email_verified', 'a boolean'],
  ['phone_number_verified', 'a boolean'],
  ['updated_at', 'a number'],
  ['address', 'an object'],
  ['groups', 'an array of strings'],
])

/**
 * The claims of a user: at most 64 claims with 32 KiB of JSON in total; names of 1 to 255 printable ASCII characters,
 * except the protocol's own; standard claims in their standard type, others any JSON of at most three levels, with
 * strings of at most 4,096 characters and lists of at most 1,000 entries. Null means that the user has no such claim.
 */
export const userClaimsSchema = z.custom<UserClaims>(isPlainObject, 'must be an object').superRefine((claims, to) => {
  const fault = (message: string, ...path: string[]) => to.addIssue({ code: 'custom', path, message })
  const names = Object.keys(claims)
  if (names.length > MOST_CLAIMS) return fault(`holds more than ${MOST_CLAIMS} claims`)
  if (names.some((name) => !NAME.test(name))) {
    return fault('the name of a claim must be 1 to 255 printable ASCII characters without spaces')
  }
  for (const name of names) {
    const message = faultOf(name, claims[name] as ClaimValue)
    if (message !== undefined) fault(message, name)
  }
  if (Buffer.byteLength(JSON.stringify(claims)) > MOST_BYTES) fault(`is more than ${MOST_BYTES} bytes of JSON`)
})

/** A text that can be stored: without NUL or unpaired surrogates. */
export function storableText(least: number, most: number) {
  return z.string().min(least).max(most).refine(isStorable, UNSTORABLE)
}

const UNSTORABLE = 'must not hold a NUL character or an unpaired surrogate'

function faultOf(name: string, value: ClaimValue): string | undefined {
  if (RESERVED.has(name)) return 'is for the authorization server alone to say'
  if (value === null) return undefined
  const kind = KINDS.get(name)
  if (kind !== undefined && !isOfKind(value, kind)) return `must be ${kind}`
  return faultIn(value, 1)
}

function faultIn(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') {
    if (value.length > LONGEST_STRING) return `must not hold a string of more than ${LONGEST_STRING} characters`
    return isStorable(value) ? undefined : UNSTORABLE
  }
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'must not hold a number that is not finite'
  if (value === null || typeof value === 'boolean') return undefined
  if (!Array.isArray(value) && !isPlainObject(value)) return 'must be a JSON value'
  if (depth >= DEEPEST) return `must not be nested more than ${DEEPEST} levels deep`
  const entries = Array.isArray(value) ? value : [...Object.keys(value), ...Object.values(value)]
  if (entries.length > MOST_ENTRIES) return `must not hold a list of more than ${MOST_ENTRIES} entries`
  for (const entry of entries) {
    const fault = faultIn(entry, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

function isOfKind(value: ClaimValue, kind: Kind): boolean {
  switch (kind) {
    case 'a string':
      return typeof value === 'string'
    case 'a boolean':
      return typeof value === 'boolean'
    case 'a number':
      return typeof value === 'number'
    case 'an object':
      return isPlainObject(value)
    case 'an array of strings':
      return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
  }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000')
}
