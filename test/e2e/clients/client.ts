import { setTimeout as sleep } from 'node:timers/promises'

/** How an application authenticates at the token endpoint (RFC 6749 §2.3.1, OpenID Connect Core §9). */
export type Authentication = 'client_secret_post' | 'client_secret_basic' | 'none'

/** The settings with which an application's owner configures a client library. */
export interface Registration {
  /** The platform's public origin, which is the gateway. */
  readonly issuer: string
  readonly clientId: string
  readonly secret: string
  readonly authentication: Authentication
  /** On loopback, without a port: any port is allowed (RFC 8252 §7.3). */
  readonly redirectUri: string
  /** Further server metadata besides the endpoints, for libraries that accept metadata. */
  readonly moreMetadata?: object
}

/** The tokens that a client has after a grant, as its library reports them. */
export interface Tokens {
  readonly access: string
  readonly refresh: string | undefined
  /** The members of the token answer in order; empty when the library does not expose them. */
  readonly members: readonly string[]
  /** The subject of the ID token; only when the library has verified it against the published keys. */
  readonly subject: string | undefined
}

/** The user's part: opens the address in a browser, clicks through, and returns the redirect back to the client. */
export type Visit = (address: string, redirectUri: string) => Promise<URL>

/**
 * A third-party client library, configured for one application. Methods that the library does not support are omitted.
 * Every method rejects with the library's own error.
 */
export interface Client {
  /** The authorization code flow, with PKCE (S256) or without, unless the library always uses PKCE. */
  code(visit: Visit, options: { readonly pkce: boolean }): Promise<Tokens>
  readonly alwaysWithPkce?: true
  /** Ignores errors of the authorization endpoint: tries to redeem a code it was not given. */
  readonly ignoresRefusals?: true
  refresh?(tokens: Tokens): Promise<Tokens>
  clientCredentials?(): Promise<Tokens>
  password?(username: string, password: string): Promise<Tokens>
  /** The device flow. Polls before the user approves and gets authorization_pending; `approve` enters the code. */
  device?(approve: (userCode: string) => Promise<void>): Promise<Tokens>
  userinfo?(tokens: Tokens): Promise<Readonly<Record<string, unknown>>>
  introspect?(token: string): Promise<boolean>
  revoke?(tokens: Tokens): Promise<void>
  /** The OAuth error code as the library exposes it; undefined when it exposes none. */
  errorCode(error: unknown): string | undefined
  close?(): Promise<void>
}

/** A client library, and the authentication methods it supports. */
export interface Library {
  readonly name: string
  readonly authentications: readonly Authentication[]
  /** Whether its form-encoding of Basic credentials corrupts a secret with a dash (RFC 6749 §2.3.1, recording E130). */
  readonly encodesDashes?: boolean
  /** What this machine lacks to run it; undefined when nothing is missing. */
  missing(): string | undefined
  connect(registration: Registration): Promise<Client>
}

export const SCOPE = 'read_user openid profile email'

/** The endpoints, listed explicitly: the discovery document has https, and tests use http. */
export function metadata(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    device_authorization_endpoint: `${issuer}/oauth/authorize_device`,
    jwks_uri: `${issuer}/oauth/discovery/keys`,
  }
}

/** A member of a library's error at the given path; undefined when absent. */
export function memberOf(error: unknown, ...path: readonly string[]): string | undefined {
  let at: unknown = error
  for (const key of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined
  return typeof at === 'string' ? at : undefined
}

/**
 * Polls until a device has its tokens (RFC 8628 §3.5). The first poll precedes the user's approval and must get
 * `authorization_pending`.
 */
export async function pollAsDevice<T>(
  poll: () => Promise<T>,
  errorCode: (error: unknown) => string | undefined,
  approve: () => Promise<void>,
): Promise<T> {
  const first = await poll().then(() => undefined, errorCode)
  if (first !== 'authorization_pending') throw new Error(`polled before the user approved: ${first}`)
  await approve()
  for (;;) {
    try {
      return await poll()
    } catch (error) {
      if (errorCode(error) !== 'slow_down') throw error
      await sleep(1_000)
    }
  }
}
