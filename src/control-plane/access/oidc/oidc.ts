import * as oidc from 'openid-client'
import { nameOf, subjectAt, valuesOf } from '../roles/claim-mapping.ts'
import { derivedSecret } from '../sessions/session-cookie.ts'
import { boundedFetch } from './bounded-fetch.ts'
import type { OidcSettings } from './oidc-settings.ts'

const TIME_LIMIT_S = 10

/** Somebody whom the provider vouches for, as far as it matters here. */
export interface Identity {
  readonly name: string
  readonly subject: string
  readonly values: readonly string[]
}

/**
 * Signs people in at an OpenID provider by the code flow with PKCE, state and nonce (OpenID Connect Core §3.1). All
 * three come from one secret in the browser's cookie, so that nothing of a flow is kept anywhere else.
 */
export class OidcSignIn {
  readonly #settings: OidcSettings
  #discovered: Promise<oidc.Configuration> | undefined

  constructor(settings: OidcSettings) {
    this.#settings = settings
  }

  /** Where the browser is sent to sign in. Rejects when the provider cannot be asked. */
  async authorizationUrl(secret: string): Promise<string> {
    const { redirectUrl, scopes } = this.#settings
    const { verifier, state, nonce } = flowOf(secret)
    const url = oidc.buildAuthorizationUrl(await this.#configuration(), {
      redirect_uri: redirectUrl,
      scope: scopes.join(' '),
      ...{ state, nonce, code_challenge: await oidc.calculatePKCECodeChallenge(verifier) },
      code_challenge_method: 'S256',
    })
    return url.href
  }

  /** Who came back, by the query that the provider sent them with. Rejects when anything of it does not hold. */
  async identify(query: string, secret: string): Promise<Identity> {
    const { redirectUrl, mapping, issuer } = this.#settings
    const { verifier, state, nonce } = flowOf(secret)
    const url = new URL(redirectUrl)
    url.search = query
    const configuration = await this.#configuration()
    const tokens = await oidc.authorizationCodeGrant(configuration, url, {
      ...{ pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
    })
    const claims = tokens.claims()
    if (!claims) throw new Error('the provider sent no ID token')
    const told = { ...claims }
    if (told[mapping.claim] === undefined && configuration.serverMetadata().userinfo_endpoint !== undefined) {
      Object.assign(told, await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub))
    }
    const name = nameOf(claims.sub, told)
    if (name === undefined) throw new Error('the provider knows somebody by what cannot be kept')
    return { name, subject: subjectAt(issuer, claims.sub), values: valuesOf(mapping, told) }
  }

  #configuration(): Promise<oidc.Configuration> {
    this.#discovered ??= this.#discover().catch((error: unknown) => {
      // Asked anew by whoever comes next.
      this.#discovered = undefined
      throw error
    })
    return this.#discovered
  }

  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret, endpointOrigin } = this.#settings
    const url = new URL(issuer)
    // The settings allow plain HTTP on this machine alone.
    const execute = url.protocol === 'http:' ? [oidc.allowInsecureRequests] : []
    const found = await oidc.discovery(url, clientId, clientSecret, undefined, {
      ...{ execute, timeout: TIME_LIMIT_S, [oidc.customFetch]: boundedFetch },
    })
    if (endpointOrigin === undefined) return found
    const moved = new oidc.Configuration(endpointsAt(found.serverMetadata(), endpointOrigin), clientId, clientSecret)
    moved.timeout = TIME_LIMIT_S
    moved[oidc.customFetch] = boundedFetch
    if (endpointOrigin.startsWith('http:')) oidc.allowInsecureRequests(moved)
    return moved
  }
}

/** What a provider says of itself, with its endpoints and keys at another origin. */
function endpointsAt(metadata: Readonly<oidc.ServerMetadata>, origin: string): oidc.ServerMetadata {
  const moved = Object.entries(metadata).map(([name, value]) => {
    if (!/(_endpoint|^jwks_uri)$/.test(name) || typeof value !== 'string') return [name, value]
    const { pathname, search } = new URL(value)
    return [name, origin + pathname + search]
  })
  return { ...metadata, ...Object.fromEntries(moved) }
}

function flowOf(secret: string) {
  const part = (purpose: string) => derivedSecret(secret, `oidc ${purpose}`)
  return { verifier: part('verifier'), state: part('state'), nonce: part('nonce') }
}
