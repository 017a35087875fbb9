import type { Endpoint } from './vocabulary.ts'

/** The endpoint of a path, and its path on the IAM side. */
export interface EndpointMatch {
  readonly endpoint: Endpoint
  /**
   * The endpoint's own path in its plainest spelling: no relative URL root, no organization, nothing encoded. Only a
   * format suffix of letters and digits (`.json`) remains, because responses depend on it.
   */
  readonly path: string
}

const PATHS: ReadonlyArray<readonly [string, Endpoint]> = [
  ['/oauth/authorize', 'authorize'],
  ['/oauth/authorize_device', 'authorize_device'],
  ['/oauth/token', 'token'],
  ['/oauth/revoke', 'revoke'],
  ['/oauth/introspect', 'introspect'],
  ['/oauth/authorize/native', 'authorize_native'],
  ['/oauth/device', 'device'],
  ['/oauth/token/info', 'token_info'],
  ['/oauth/userinfo', 'userinfo'],
  ['/oauth/discovery/keys', 'jwks'],
  ['/.well-known/openid-configuration', 'openid_configuration'],
  ['/.well-known/oauth-authorization-server', 'authorization_server_metadata'],
]

const EXACT = new Map<string, EndpointMatch>(PATHS.map(([path, endpoint]) => [path, { endpoint, path }]))
const DEVICE_PAGES = '/oauth/device/'
const ORGANIZATION = /^\/o\/[^/]+(?=\/(?:oauth|\.well-known)\/)/
/** What Rails reads as a format (its default constraint on `:format`); any such suffix selects the same action. */
const FORMAT = /\.[^./?]+$/
const PLAIN_FORMAT = /^\.[A-Za-z0-9]+$/

/**
 * Finds the endpoint of a raw path, in every spelling that the monolith accepts: relative URL root,
 * `/o/<organization>`, doubled and trailing slashes, a format suffix, percent-encoded unreserved characters (RFC 3986
 * §6.2.2.2; recordings A133, E115, E116, K019). Returns undefined for anything else, and for a path below the device
 * page that a server may resolve to another path (see {@link staysBelow}).
 *
 * @param root the relative URL root without a trailing slash, empty for none
 */
export function matchEndpoint(rawPath: string, root: string): EndpointMatch | undefined {
  if (root === '') {
    const exact = EXACT.get(rawPath)
    if (exact) return exact
  }
  if (!mayBeOAuth(rawPath)) return undefined
  const path = withoutPrefixes(plainPath(rawPath), root)
  if (path === undefined) return undefined
  const exact = EXACT.get(path)
  if (exact) return exact
  const format = FORMAT.exec(path)?.[0]
  const found = format === undefined ? undefined : EXACT.get(path.slice(0, -format.length))
  if (found && format) return PLAIN_FORMAT.test(format) ? { endpoint: found.endpoint, path } : found
  return path.startsWith(DEVICE_PAGES) && staysBelow(path) ? { endpoint: 'device', path } : undefined
}

/**
 * Whether every server reads this path as it appears: resolving dot segments, decoding once or twice, dropping
 * `;parameters` or reading backslashes as slashes never leads out of the folder it begins with.
 */
export function staysBelow(path: string): boolean {
  if (/[^\x21-\x7e]|\\|\/\.{1,2}(?:[/;]|$)/.test(path)) return false
  if (!path.includes('%')) return true
  if (/%(?:2e|2f|3b|5c|25|[01][0-9a-f]|7f)/i.test(path)) return false
  try {
    // Throws on broken escapes and on overlong UTF-8, which some servers decode to a dot or a slash.
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/**
 * Normalizes the spellings that servers accept for the same path: single slashes, no trailing one, nothing encoded
 * unnecessarily.
 */
export function plainPath(rawPath: string): string {
  return canonicalPath(collapseSlashes(rawPath))
}

/** A cheap filter for the bulk of a monolith's traffic. */
function mayBeOAuth(path: string): boolean {
  return path.includes('auth') || path.includes('well-known') || path.includes('%')
}

/** @param path as {@link plainPath} returns it */
function withoutPrefixes(path: string, root: string): string | undefined {
  if (root !== '' && !path.startsWith(`${root}/`)) return undefined
  const inner = root === '' ? path : path.slice(root.length)
  const organization = ORGANIZATION.exec(inner)
  return organization ? inner.slice(organization[0].length) : inner
}

function canonicalPath(path: string): string {
  const decoded = decodeUnreserved(path)
  return decoded.length > 1 && decoded.endsWith('/') ? decoded.slice(0, -1) : decoded
}

function collapseSlashes(path: string): string {
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
}

function decodeUnreserved(path: string): string {
  if (!path.includes('%')) return path
  return path.replace(/%([0-9A-Fa-f]{2})/g, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : encoded
  })
}
