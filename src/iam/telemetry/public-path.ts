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

/** What a request to the public port is about, for metrics and routing within this service. */
export type PublicEndpoint = (typeof PATHS)[keyof typeof PATHS] | 'other'

/**
 * The endpoint a path stands for, in the spellings that the protocol core takes too: doubled and trailing slashes, a
 * format suffix (recording A133, E115, E116). Case matters.
 */
export function endpointOf(path: string): PublicEndpoint {
  const plain = path.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1')
  return named(plain) ?? named(plain.replace(/([^/.])\.[^./?]+$/, '$1')) ?? 'other'
}

/**
 * A path as it is seen below the root that the issuer lives under, and without the organization that may stand before
 * it (`/o/<organization>/oauth/…`). A path elsewhere stays as it is.
 */
export function innerPath(path: string, root: string): string {
  const below = root !== '' && path.startsWith(`${root}/`) ? path.slice(root.length) : path
  return below.replace(/^\/+o\/+[^/]+(?=\/+(?:oauth|\.well-known)\/)/, '')
}

/** A path as it may be logged: whatever looks like a credential in it is masked. */
export function loggablePath(path: string): string {
  return path
    .slice(0, 200)
    .replace(/[^/]{20,}/g, (segment) => (segment.length > 30 || /\d/.test(segment) ? '[masked]' : segment))
}

function named(path: string): PublicEndpoint | undefined {
  return Object.hasOwn(PATHS, path) ? PATHS[path as keyof typeof PATHS] : undefined
}
