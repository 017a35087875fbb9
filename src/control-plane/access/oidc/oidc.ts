import * as oidc from 'openid-client'
import { nameOf, subjectAt, valuesOf } from '../roles/claim-mapping.ts'
import { derivedSecret } from '../sessions/session-cookie.ts'
import { boundedFetch } from './bounded-fetch.ts'
import type { OidcSettings } from './oidc-settings.ts'

const TIME_LIMIT_S = 10

/** The identity that the provider asserts, reduced to what the control plane uses. */
export interface Identity {
  readonly name: string
  readonly subject: string
  readonly values: readonly string[]
}

/**
 * Signs people in at an OpenID provider with the code flow, PKCE, state and nonce (OpenID Connect Core §3.1). All three
 * values are derived from one secret in the browser's cookie, so that the server keeps no state for a flow.
 */
export class OidcSignIn {
  readonly #settings: OidcSettings
  #discovered: Promise<oidc.Configuration> | undefined

  constructor(settings: OidcSettings) {
    this.#settings = settings
  }

  /** The authorization URL to which the browser is redirected. Rejects if the provider cannot be reached. */
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

  /** The identity for the query with which the provider redirected the browser back. Rejects if any check fails. */
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
    if (name === undefined) throw new Error('the provider names a user in a way that cannot be stored')
    return { name, subject: subjectAt(issuer, claims.sub), values: valuesOf(mapping, told) }
  }

  #configuration(): Promise<oidc.Configuration> {
    this.#discovered ??= this.#discover().catch((error: unknown) => {
      // Discovery failed; the next sign-in repeats it.
      this.#discovered = undefined
      throw error
    })
    return this.#discovered
  }

  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret, endpointOrigin } = this.#settings
    const url = new URL(issuer)
    // The settings allow plain HTTP only on loopback.
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

/** The provider's metadata, with its endpoints and keys moved to another origin. */
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
