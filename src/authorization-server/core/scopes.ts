import { isStorable } from '../parameters/value.ts'

/** Scopes are separated by ASCII whitespace only (RFC 6749 §3.3). */
const BLANKS = /[ \t\n\v\f\r]+/

/** Longer text is not split, as it could only be rejected. */
const LONGEST_TEXT = 16 << 10

/**
 * Scope names in order without repeats (RFC 6749 §3.3). Text over 16 KiB counts as one name, which no client may have.
 */
export function parseScopes(text: string): string[] {
  if (text.length > LONGEST_TEXT) return [text]
  const names = text.split(BLANKS).filter((name) => name !== '')
  return names.length < 2 ? names : [...new Set(names)]
}

/** PostgreSQL's index of tokens by scopes allows 2,700 bytes per entry, other columns included. */
const MOST_BYTES = 2_000

/**
 * Whether every scope in `text` is in `allowed`, where an entry that ends in `:*` allows any `name:value`. Text without
 * scopes, or with a tab or line break, is invalid (A078), and so is text that cannot be stored because it contains a
 * NUL or exceeds 2,000 bytes.
 */
export function areScopesValid(text: string, allowed: readonly string[]): boolean {
  if (/[\n\r\t]/.test(text) || !isStorable(text) || Buffer.byteLength(text) > MOST_BYTES) return false
  const scopes = parseScopes(text)
  return scopes.length > 0 && scopes.every((scope) => isScopeAmong(scope, allowed))
}

/** The scopes a client may request: its own when it has some, else the server's. */
export function scopesAllowed(clientScopes: readonly string[], serverScopes: readonly string[]): readonly string[] {
  return clientScopes.length > 0 ? clientScopes : serverScopes
}

/**
 * The scopes of a client that requests none: the default scopes, limited to its own. May be empty (docs/doorkeeper.md,
 * 10 and 26).
 */
export function defaultScopesOf(clientScopes: readonly string[], defaults: readonly string[]): readonly string[] {
  return clientScopes.length > 0 ? defaults.filter((scope) => isScopeAmong(scope, clientScopes)) : defaults
}

/** Whether two lists contain the same scopes, in any order. */
export function sameScopes(left: readonly string[], right: readonly string[]): boolean {
  const wanted = new Set(right)
  const given = new Set(left)
  return given.size === wanted.size && [...given].every((scope) => wanted.has(scope))
}

function isScopeAmong(scope: string, allowed: readonly string[]): boolean {
  return allowed.some((candidate) => candidate === scope || isDynamicMatch(candidate, scope))
}

function isDynamicMatch(pattern: string, scope: string): boolean {
  if (!pattern.endsWith(':*')) return false
  const stem = pattern.slice(0, -1)
  return stem.indexOf(':') === stem.length - 1 && scope.startsWith(stem) && scope.length > stem.length
}
