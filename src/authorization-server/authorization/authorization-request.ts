import type { HttpReply } from '../../http/index.ts'
import type { Client } from '../model/client.ts'
import type { ResourceOwner } from '../model/resource-owner.ts'

export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** A validated authorization request. Plain data that survives a JSON round trip. */
export interface AuthorizationRequest {
  readonly client: Client
  readonly redirectUri: string
  readonly responseType: 'code'
  /** As sent; undefined when the request has none. */
  readonly responseMode: ResponseMode | undefined
  /** Scopes in the requested order without repeats, or the default scopes. */
  readonly scopes: readonly string[]
  /** The scope text that the consent form sends back. */
  readonly scope: string
  /** This field and the next three are as sent; a blank value counts as absent. */
  readonly state: string | undefined
  readonly nonce: string | undefined
  readonly codeChallenge: string | undefined
  readonly codeChallengeMethod: string | undefined
}

/** Why an authorization request was rejected. */
export interface AuthorizationError {
  readonly error: string
  readonly description: string
  readonly status: number
  readonly state: string | undefined
  /** Where to send the error; undefined when no address is proven to be the client's. */
  readonly redirectUri: string | undefined
  readonly responseMode: ResponseMode | undefined
  /** The issuer, when the client's policy requires it in the answer (RFC 9207). */
  readonly iss: string | undefined
}

export type PreAuthorization =
  | { readonly ok: true; readonly request: AuthorizationRequest }
  | { readonly ok: false; readonly error: AuthorizationError }

/** The outcome of GET /oauth/authorize. */
export type AuthorizationStep =
  /** No user is signed in; nothing has been checked. */
  | { readonly kind: 'sign_in' }
  /** The user must sign in again (prompt=login, max_age) and return with `returnQuery`, which omits that prompt. */
  | { readonly kind: 'reauthenticate'; readonly returnQuery: string }
  /** prompt=select_account. */
  | { readonly kind: 'select_account'; readonly returnQuery: string }
  /** Show the consent page. */
  | { readonly kind: 'consent'; readonly request: AuthorizationRequest }
  /** Consent was given earlier or is not needed: issue a code immediately. */
  | { readonly kind: 'issue'; readonly request: AuthorizationRequest }
  /** Send this reply: the error page, or an OpenID Connect error sent to the client. */
  | { readonly kind: 'reply'; readonly reply: HttpReply }

/** What the caller knows about an authorization request besides its parameters. */
export interface AuthorizationContext {
  /** An absolute URL, included in errors for clients without a redirect address when no user is signed in. */
  readonly signInAddress?: string | undefined
  /**
   * The scope texts of tokens that the user granted to the client through another server. Called only when the answer
   * depends on it, that is, when no token of this server has the requested scopes. Must not reject.
   */
  grantedElsewhere?(client: Client, owner: ResourceOwner): Promise<readonly string[]>
}
