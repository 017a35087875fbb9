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
 * The endpoint a path stands for, in any spelling Rails takes for the same action: percent-encoded, doubled or
 * trailing slashes, a `.json` suffix, `/o/<organization>` in front (recording A133, E115, E116). Case matters.
 */
export function endpointOf(path: string): PublicEndpoint {
  const plain = plainPath(path)
  if (plain === undefined) return 'other'
  return PATHS[plain as keyof typeof PATHS] ?? PATHS[plain.replace(/\.json$/, '') as keyof typeof PATHS] ?? 'other'
}

/** A path without the part below which the issuer lives; undefined when it lies elsewhere. */
export function belowRoot(path: string, root: string): string | undefined {
  if (root === '') return path
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined
}

/** A path as it may be logged: whatever looks like a credential in it is masked. */
export function loggablePath(path: string): string {
  return path
    .slice(0, 200)
    .replace(/[^/]{20,}/g, (segment) => (segment.length > 30 || /\d/.test(segment) ? '[masked]' : segment))
}

function plainPath(path: string): string | undefined {
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return undefined
  }
  const collapsed = decoded.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1')
  return collapsed.replace(/^\/o\/[^/]+(?=\/oauth\/)/, '')
}
