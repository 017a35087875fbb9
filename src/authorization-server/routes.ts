import { deviceAuthorizationEndpoint } from './endpoints/device-authorization.ts'
import { discoveryEndpoint, keysEndpoint, metadataEndpoint, webfingerEndpoint } from './endpoints/discovery.ts'
import type { Endpoint } from './endpoints/endpoint.ts'
import { introspectEndpoint } from './endpoints/introspect.ts'
import { revokeEndpoint } from './endpoints/revoke.ts'
import { tokenEndpoint } from './endpoints/token.ts'
import { tokenInfoEndpoint } from './endpoints/token-info.ts'
import { userinfoEndpoint } from './endpoints/userinfo.ts'

/** The endpoint group that serves a request's path. */
export interface Route {
  readonly path: string
  /** The endpoint's name in metrics and log: `token`, `token_info`, … */
  readonly name: string
  /** By method; HEAD uses the endpoint of GET. */
  readonly endpoints: Readonly<Record<string, Endpoint>>
  /** The path ended in `.json` or a similar suffix, so the answer does not vary by Accept. */
  readonly suffixed: boolean
}

const ROUTES: ReadonlyMap<string, Route> = new Map(
  [
    route('/oauth/token', { POST: tokenEndpoint }),
    route('/oauth/revoke', { POST: revokeEndpoint }),
    route('/oauth/introspect', { POST: introspectEndpoint }),
    route('/oauth/authorize_device', { POST: deviceAuthorizationEndpoint }),
    route('/oauth/token/info', { GET: tokenInfoEndpoint }),
    route('/oauth/userinfo', { GET: userinfoEndpoint, POST: userinfoEndpoint }),
    route('/oauth/discovery/keys', { GET: keysEndpoint }),
    route('/.well-known/openid-configuration', { GET: discoveryEndpoint }),
    route('/.well-known/oauth-authorization-server', { GET: metadataEndpoint }),
    route('/.well-known/webfinger', { GET: webfingerEndpoint }),
  ].map((one) => [one.path, one]),
)

function route(path: string, endpoints: Route['endpoints']): Route {
  const [, , ...words] = path.split('/')
  return { path, name: words.join('_'), endpoints, suffixed: false }
}

/**
 * The route of a path in any accepted spelling: doubled and trailing slashes, a format suffix (docs/doorkeeper.md, 24).
 */
export function routeOf(path: string): Route | undefined {
  const plain = ROUTES.get(path)
  if (plain !== undefined) return plain
  const cleaned = cleanPath(path)
  const exact = ROUTES.get(cleaned)
  if (exact !== undefined) return exact
  const bare = /^(.*[^/.])\.[^./?]+$/.exec(cleaned)?.[1]
  const suffixed = bare === undefined ? undefined : ROUTES.get(bare)
  return suffixed && { ...suffixed, suffixed: true }
}

/** The endpoint for a method; undefined when the method is not served. */
export function endpointOf(route: Route, method: string): Endpoint | undefined {
  const name = method === 'HEAD' ? 'GET' : method
  return Object.hasOwn(route.endpoints, name) ? route.endpoints[name] : undefined
}

function cleanPath(path: string): string {
  const single = path.length > 200 ? path : path.replace(/\/{2,}/g, '/')
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single
}
