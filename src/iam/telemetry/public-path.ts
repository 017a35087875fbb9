const PATHS = {
  '/oauth/authorize': 'authorize',
  '/oauth/authorize/native': 'authorize_native',
  '/oauth/authorize_device': 'authorize_device',
  '/oauth/token': 'token',
  '/oauth/token/info': 'token_info',
  '/oauth/revoke': 'revoke',
  '/oauth/introspect': 'introspect',
  '/oauth/userinfo': 'userinfo',
  '/oauth/discovery/keys': 'keys',
  '/.well-known/jwks.json': 'keys',
  '/.well-known/openid-configuration': 'discovery',
  '/.well-known/oauth-authorization-server': 'discovery',
} as const

/** The endpoint of a request to the public port, for metrics and routing within this service. */
export type PublicEndpoint = (typeof PATHS)[keyof typeof PATHS] | 'other'

/**
 * The endpoint of a path, in the spellings that the protocol core accepts too: doubled and trailing slashes, a format
 * suffix (recording A133, E115, E116). Case matters.
 */
export function endpointOf(path: string): PublicEndpoint {
  const plain = path.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1')
  return named(plain) ?? named(plain.replace(/([^/.])\.[^./?]+$/, '$1')) ?? 'other'
}

/**
 * A path relative to the issuer's root, without a leading organization (`/o/<organization>/oauth/…`). A path elsewhere
 * is unchanged.
 */
export function innerPath(path: string, root: string): string {
  const below = root !== '' && path.startsWith(`${root}/`) ? path.slice(root.length) : path
  return below.replace(/^\/+o\/+[^/]+(?=\/+(?:oauth|\.well-known)\/)/, '')
}

/** A path in a form that is safe to log: anything that looks like a credential is masked. */
export function loggablePath(path: string): string {
  return path
    .slice(0, 200)
    .replace(/[^/]{20,}/g, (segment) => (segment.length > 30 || /\d/.test(segment) ? '[masked]' : segment))
}

function named(path: string): PublicEndpoint | undefined {
  return Object.hasOwn(PATHS, path) ? PATHS[path as keyof typeof PATHS] : undefined
}
