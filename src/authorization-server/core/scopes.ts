import { isStorable } from '../parameters/value.ts'

/** What parts scopes: ASCII blanks, and no others (RFC 6749 §3.3). */
const BLANKS = /[ \t\n\v\f\r]+/

/** Text longer than this is not taken apart; it could only be refused. */
const LONGEST_TEXT = 16 << 10

/** Scope names in the order given, each once (RFC 6749 §3.3). Text over 16 KiB counts as one name, which nobody may have. */
export function parseScopes(text: string): string[] {
  if (text.length > LONGEST_TEXT) return [text]
  const names = text.split(BLANKS).filter((name) => name !== '')
  return names.length < 2 ? names : [...new Set(names)]
}

/** PostgreSQL's index of tokens by scopes takes 2,700 bytes an entry, other columns among them. */
const MOST_BYTES = 2_000

/**
 * Whether every scope of `text` is among `allowed`, of which one may end in `:*` and then takes any `name:value`. A
 * text without scopes, or with a tab or line break, is not valid (A078); neither is one that cannot be stored: with a
 * NUL, or of more than 2,000 bytes.
 */
export function areScopesValid(text: string, allowed: readonly string[]): boolean {
  if (/[\n\r\t]/.test(text) || !isStorable(text) || Buffer.byteLength(text) > MOST_BYTES) return false
  const scopes = parseScopes(text)
  return scopes.length > 0 && scopes.every((scope) => isScopeAmong(scope, allowed))
}

/** What may be asked for: the client's own scopes where it has some, else the server's. */
export function scopesAllowed(clientScopes: readonly string[], serverScopes: readonly string[]): readonly string[] {
  return clientScopes.length > 0 ? clientScopes : serverScopes
}

/** What a client gets that names no scope: the default ones, as far as its own allow. May be empty (README, 10 and 26). */
export function defaultScopesOf(clientScopes: readonly string[], defaults: readonly string[]): readonly string[] {
  return clientScopes.length > 0 ? defaults.filter((scope) => isScopeAmong(scope, clientScopes)) : defaults
}

/** Whether two lists hold the same scopes, in whatever order. */
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
