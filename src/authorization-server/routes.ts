import { deviceAuthorizationEndpoint } from './endpoints/device-authorization.ts'
import { discoveryEndpoint, keysEndpoint, webfingerEndpoint } from './endpoints/discovery.ts'
import type { Endpoint } from './endpoints/endpoint.ts'
import { introspectEndpoint } from './endpoints/introspect.ts'
import { revokeEndpoint } from './endpoints/revoke.ts'
import { tokenEndpoint } from './endpoints/token.ts'
import { tokenInfoEndpoint } from './endpoints/token-info.ts'
import { userinfoEndpoint } from './endpoints/userinfo.ts'

/** Where a request goes. */
export interface Route {
  readonly path: string
  /** By method; HEAD goes where GET does. */
  readonly endpoints: Readonly<Record<string, Endpoint>>
  /** The path ended in `.json` or the like, so that the answer does not vary by Accept. */
  readonly suffixed: boolean
}

type Endpoints = Route['endpoints']

const ROUTES: ReadonlyMap<string, Endpoints> = new Map<string, Endpoints>([
  ['/oauth/token', { POST: tokenEndpoint }],
  ['/oauth/revoke', { POST: revokeEndpoint }],
  ['/oauth/introspect', { POST: introspectEndpoint }],
  ['/oauth/authorize_device', { POST: deviceAuthorizationEndpoint }],
  ['/oauth/token/info', { GET: tokenInfoEndpoint }],
  ['/oauth/userinfo', { GET: userinfoEndpoint, POST: userinfoEndpoint }],
  ['/oauth/discovery/keys', { GET: keysEndpoint }],
  ['/.well-known/openid-configuration', { GET: discoveryEndpoint }],
  ['/.well-known/oauth-authorization-server', { GET: discoveryEndpoint }],
  ['/.well-known/webfinger', { GET: webfingerEndpoint }],
])

/** The route of a path in any of its spellings: doubled and trailing slashes, a format suffix (README of the recording, 24). */
export function routeOf(path: string): Route | undefined {
  const plain = ROUTES.get(path)
  if (plain !== undefined) return { path, endpoints: plain, suffixed: false }
  const cleaned = cleanPath(path)
  const exact = ROUTES.get(cleaned)
  if (exact !== undefined) return { path: cleaned, endpoints: exact, suffixed: false }
  const bare = /^(.*[^/.])\.[^./?]+$/.exec(cleaned)?.[1]
  const suffixed = bare === undefined ? undefined : ROUTES.get(bare)
  return bare === undefined || suffixed === undefined ? undefined : { path: bare, endpoints: suffixed, suffixed: true }
}

/** The endpoint for a method. */
export function endpointOf(route: Route, method: string): Endpoint | undefined {
  const name = method === 'HEAD' ? 'GET' : method
  return Object.hasOwn(route.endpoints, name) ? route.endpoints[name] : undefined
}

function cleanPath(path: string): string {
  const single = path.length > 200 ? path : path.replace(/\/{2,}/g, '/')
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single
}
