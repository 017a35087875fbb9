import type { ClaimMapping } from '../roles/claim-mapping.ts'

/** An OpenID provider that people sign in with, and how its claims map to roles. */
export interface OidcSettings {
  readonly issuer: string
  /** The origin at which its endpoints are reached, if its discovery document names another one. */
  readonly endpointOrigin?: string | undefined
  readonly clientId: string
  readonly clientSecret: string
  /** The redirect URI: the public origin and `/sign-in/oidc/callback`. */
  readonly redirectUrl: string
  readonly scopes: readonly string[]
  readonly mapping: ClaimMapping
}
