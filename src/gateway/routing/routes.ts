import {
  type Destination,
  type Endpoint,
  type EndpointMatch,
  matchEndpoint,
  plainPath,
  staysBelow,
} from '../../routing/index.ts'

/** The endpoints with a configurable path on each side, with Doorkeeper's paths as the default. */
export const USUAL_PATHS = {
  authorize: '/oauth/authorize',
  authorize_device: '/oauth/authorize_device',
  token: '/oauth/token',
  revoke: '/oauth/revoke',
  introspect: '/oauth/introspect',
  userinfo: '/oauth/userinfo',
  jwks: '/oauth/discovery/keys',
} as const satisfies Partial<Record<Endpoint, string>>

/** The endpoint paths of a side that differ from Doorkeeper's. */
export type OwnPaths = Readonly<Partial<Record<keyof typeof USUAL_PATHS, string>>>

/** Endpoints that both sides share or that legacy answers for both, so there is nothing to decide. */
export const UNDECIDED: ReadonlySet<Endpoint> = new Set([
  'jwks',
  'openid_configuration',
  'authorization_server_metadata',
])

/** The path settings of a gateway. */
export interface RouteSettings {
  /** The relative URL root, without a trailing slash; empty for none. */
  readonly root: string
  /** IAM's own paths. Clients use legacy's paths. */
  readonly iamPaths: OwnPaths
  /** Legacy's own paths, which are then public in addition to Doorkeeper's. */
  readonly legacyPaths: OwnPaths
  /** Paths of IAM's pages for browsers; each includes everything below it. */
  readonly iamPages: readonly string[]
}

/** Resolves a path to an endpoint, and an endpoint to its path on either side. */
export class Routes {
  readonly #root: string
  readonly #iamPaths: Readonly<Partial<Record<Endpoint, string>>>
  readonly #legacyPaths: OwnPaths
  readonly #legacy = new Map<string, EndpointMatch>()
  readonly #pages: readonly string[]
  readonly #keys: { readonly legacy: string; readonly iam: string }

  constructor({ root, iamPaths, legacyPaths, iamPages }: RouteSettings) {
    this.#root = root
    this.#iamPaths = iamPaths
    this.#legacyPaths = legacyPaths
    this.#pages = iamPages.map((page) => page.replace(/\/+$/, ''))
    for (const [endpoint, path] of Object.entries(legacyPaths)) {
      const known = endpoint as keyof typeof USUAL_PATHS
      this.#legacy.set(path.toLowerCase(), { endpoint: known, path: USUAL_PATHS[known] })
    }
    this.#keys = {
      legacy: legacyPaths.jwks ?? root + USUAL_PATHS.jwks,
      iam: iamPaths.jwks ?? USUAL_PATHS.jwks,
    }
  }

  /**
   * Returns the endpoint of a raw path; `iam_page` for a page of IAM, undefined for anything that only legacy serves.
   */
  match(path: string): EndpointMatch | 'iam_page' | undefined {
    const match = this.#atLegacy(path) ?? matchEndpoint(path, this.#root)
    if (match !== undefined || this.#pages.length === 0) return match
    return this.#isPage(path) ? 'iam_page' : undefined
  }

  /** The path of a matched endpoint at IAM. */
  atIam({ endpoint, path }: EndpointMatch): string {
    return this.#iamPaths[endpoint] ?? path
  }

  /** The path of IAM's authorize endpoint. */
  get iamAuthorize(): string {
    return this.#iamPaths.authorize ?? USUAL_PATHS.authorize
  }

  /** The paths of a side's token endpoint and revocation endpoint. */
  tokenPaths(side: Destination): { readonly token: string; readonly revoke: string } {
    const own = side === 'iam' ? this.#iamPaths : this.#legacyPaths
    const root = side === 'iam' ? '' : this.#root
    return { token: own.token ?? root + USUAL_PATHS.token, revoke: own.revoke ?? root + USUAL_PATHS.revoke }
  }

  /** The path of a side's token info endpoint. */
  tokenInfo(side: Destination): string {
    return `${side === 'iam' ? '' : this.#root}/oauth/token/info`
  }

  /** The path of each side's signing keys. */
  get keys(): { readonly legacy: string; readonly iam: string } {
    return this.#keys
  }

  /** Matches any spelling, so that none bypasses the routing: some servers ignore case. */
  #atLegacy(path: string): EndpointMatch | undefined {
    return this.#legacy.size === 0 ? undefined : this.#legacy.get(plainPath(path).toLowerCase())
  }

  #isPage(path: string): boolean {
    const isBelow = this.#pages.some(
      (page) => path.startsWith(page) && (path.length === page.length || path[page.length] === '/'),
    )
    return isBelow && staysBelow(path)
  }
}
