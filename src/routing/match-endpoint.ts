import type { Endpoint } from './vocabulary.ts'

/** An endpoint that a path stands for, and the path under which the IAM side knows it. */
export interface EndpointMatch {
  readonly endpoint: Endpoint
  /** The path without relative URL root and organization prefix, otherwise as sent. */
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

/**
 * Finds the endpoint that a raw path stands for, in every spelling the monolith takes for it: relative URL root,
 * `/o/<organization>`, doubled and trailing slashes, a format suffix, percent-encoded unreserved characters
 * (RFC 3986 §6.2.2.2; recordings A133, E115, E116, K019). Returns undefined for anything else.
 *
 * @param root the relative URL root without a trailing slash, empty for none
 */
export function matchEndpoint(rawPath: string, root: string): EndpointMatch | undefined {
  if (root === '') {
    const exact = EXACT.get(rawPath)
    if (exact) return exact
  }
  if (!mayBeOAuth(rawPath)) return undefined
  const path = withoutPrefixes(rawPath, root)
  if (path === undefined) return undefined
  const canonical = canonicalPath(path)
  const found = EXACT.get(canonical) ?? EXACT.get(canonical.replace(/\.[^./]+$/, ''))
  if (found) return { endpoint: found.endpoint, path }
  return canonical.startsWith(DEVICE_PAGES) ? { endpoint: 'device', path } : undefined
}

/** One spelling for all that servers take for the same path: single slashes, none at the end, nothing encoded that need not be. */
export function plainPath(rawPath: string): string {
  return canonicalPath(collapseSlashes(rawPath))
}

/** A quick no for the bulk of a monolith's traffic. */
function mayBeOAuth(path: string): boolean {
  return path.includes('auth') || path.includes('well-known') || path.includes('%')
}

function withoutPrefixes(rawPath: string, root: string): string | undefined {
  const path = collapseSlashes(rawPath)
  if (root !== '' && !path.startsWith(`${root}/`)) return undefined
  const inner = root === '' ? path : path.slice(root.length)
  const organization = ORGANIZATION.exec(decodeUnreserved(inner))
  if (!organization) return inner
  // Organization names may be encoded, so the prefix is cut by its slashes and not by its length.
  return inner.slice(inner.indexOf('/', inner.indexOf('/', 1) + 1))
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
