import type { ClaimMapping } from '../roles/claim-mapping.ts'

/** An OpenID provider that people sign in with, and what it makes of them. */
export interface OidcSettings {
  readonly issuer: string
  /** The origin at which its endpoints are reached, where its discovery document names another. */
  readonly endpointOrigin?: string | undefined
  readonly clientId: string
  readonly clientSecret: string
  /** Where the provider sends browsers back to: the public origin and `/sign-in/oidc/callback`. */
  readonly redirectUrl: string
  readonly scopes: readonly string[]
  readonly mapping: ClaimMapping
}
