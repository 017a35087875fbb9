import { setTimeout as sleep } from 'node:timers/promises'

/** How an application proves at the token endpoint who it is (RFC 6749 §2.3.1, OpenID Connect Core §9). */
export type Authentication = 'client_secret_post' | 'client_secret_basic' | 'none'

/** An application as its owner configures a client library with it. */
export interface Registration {
  /** The public origin of the platform: what the gateway stands for. */
  readonly issuer: string
  readonly clientId: string
  readonly secret: string
  readonly authentication: Authentication
  /** On loopback, without a port: any port is allowed (RFC 8252 §7.3). */
  readonly redirectUri: string
  /** What the server's metadata says beside the endpoints, for libraries that take metadata. */
  readonly moreMetadata?: object
}

/** What a client has after a grant, as its library tells. */
export interface Tokens {
  readonly access: string
  readonly refresh: string | undefined
  /** The members of the token answer, in the order they came; empty where the library does not show them. */
  readonly members: readonly string[]
  /** Whom the ID token names; only where the library has verified it against the published keys. */
  readonly subject: string | undefined
}

/** The user's part: opens the address in a browser, clicks through, and answers with the redirect back to the client. */
export type Visit = (address: string, redirectUri: string) => Promise<URL>

/**
 * A client made with a library that nobody here wrote, for one application. What the library cannot do is left out.
 * Every method rejects with what the library throws.
 */
export interface Client {
  /** The authorization code flow, with PKCE (S256) or without, unless it has none without. */
  code(visit: Visit, options: { readonly pkce: boolean }): Promise<Tokens>
  readonly alwaysWithPkce?: true
  /** Reads no error of the authorization endpoint: goes on to redeem a code that it was not given. */
  readonly ignoresRefusals?: true
  refresh?(tokens: Tokens): Promise<Tokens>
  clientCredentials?(): Promise<Tokens>
  password?(username: string, password: string): Promise<Tokens>
  /** The device flow. Polls before the user approves and is told to wait; `approve` types the code in. */
  device?(approve: (userCode: string) => Promise<void>): Promise<Tokens>
  userinfo?(tokens: Tokens): Promise<Readonly<Record<string, unknown>>>
  introspect?(token: string): Promise<boolean>
  revoke?(tokens: Tokens): Promise<void>
  /** The OAuth error code, read where the library shows it; undefined when it shows none. */
  errorCode(error: unknown): string | undefined
  close?(): Promise<void>
}

/** A client library, and how applications authenticate with it. */
export interface Library {
  readonly name: string
  readonly authentications: readonly Authentication[]
  /** Whether its own form-encoding of Basic credentials spoils a secret with a dash (RFC 6749 §2.3.1, recording E130). */
  readonly encodesDashes?: boolean
  /** What this machine lacks to run it; undefined when all is there. */
  missing(): string | undefined
  connect(registration: Registration): Promise<Client>
}

export const SCOPE = 'read_user openid profile email'

/** The endpoints, named by hand: the discovery document promises https, and tests speak http. */
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

/** A member of something a library threw, at the path given; undefined where there is none. */
export function memberOf(error: unknown, ...path: readonly string[]): string | undefined {
  let at: unknown = error
  for (const key of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined
  return typeof at === 'string' ? at : undefined
}

/**
 * Polls until a device has its tokens (RFC 8628 §3.5). The first poll comes before the user approves and must be told
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
