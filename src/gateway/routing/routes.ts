import {
  type Destination,
  type Endpoint,
  type EndpointMatch,
  matchEndpoint,
  plainPath,
  staysBelow,
} from '../../routing/index.ts'

/** The endpoints that a side may have under a path of its own, each with the path under which Doorkeeper has it. */
export const USUAL_PATHS = {
  authorize: '/oauth/authorize',
  authorize_device: '/oauth/authorize_device',
  token: '/oauth/token',
  revoke: '/oauth/revoke',
  introspect: '/oauth/introspect',
  userinfo: '/oauth/userinfo',
  jwks: '/oauth/discovery/keys',
} as const satisfies Partial<Record<Endpoint, string>>

/** Where a side has its endpoints, as far as that is elsewhere than where Doorkeeper has them. */
export type OwnPaths = Readonly<Partial<Record<keyof typeof USUAL_PATHS, string>>>

/** Endpoints that both sides share or legacy answers for both, so that there is nothing to decide. */
export const UNDECIDED: ReadonlySet<Endpoint> = new Set([
  'jwks',
  'openid_configuration',
  'authorization_server_metadata',
])

/** What the paths of a gateway rest on. */
export interface RouteSettings {
  /** The relative URL root, without a trailing slash; empty for none. */
  readonly root: string
  /** IAM's own paths. Clients know the endpoints by legacy's. */
  readonly iamPaths: OwnPaths
  /** Legacy's own paths, which are then the public ones beside Doorkeeper's. */
  readonly legacyPaths: OwnPaths
  /** Where IAM shows pages to browsers: each is a path, which stands for all below it too. */
  readonly iamPages: readonly string[]
}

/** Finds what a path stands for, at this gateway and at either side of it. */
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

  /** The endpoint that a raw path stands for; `iam_page` for a page of IAM's, undefined for what is legacy's alone. */
  match(path: string): EndpointMatch | 'iam_page' | undefined {
    const match = this.#atLegacy(path) ?? matchEndpoint(path, this.#root)
    if (match !== undefined || this.#pages.length === 0) return match
    return this.#isPage(path) ? 'iam_page' : undefined
  }

  /** The path under which IAM has what was matched. */
  atIam({ endpoint, path }: EndpointMatch): string {
    return this.#iamPaths[endpoint] ?? path
  }

  /** Where IAM has its authorize endpoint. */
  get iamAuthorize(): string {
    return this.#iamPaths.authorize ?? USUAL_PATHS.authorize
  }

  /** Where a side has its token endpoint and its revocation endpoint. */
  tokenPaths(side: Destination): { readonly token: string; readonly revoke: string } {
    const own = side === 'iam' ? this.#iamPaths : this.#legacyPaths
    const root = side === 'iam' ? '' : this.#root
    return { token: own.token ?? root + USUAL_PATHS.token, revoke: own.revoke ?? root + USUAL_PATHS.revoke }
  }

  /** Where a side says what a bearer token is. */
  tokenInfo(side: Destination): string {
    return `${side === 'iam' ? '' : this.#root}/oauth/token/info`
  }

  /** Where each side has its signing keys. */
  get keys(): { readonly legacy: string; readonly iam: string } {
    return this.#keys
  }

  /** In any spelling, so that none slips past: not every server minds case. */
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
