import type { HttpReply } from '../../http/index.ts'
import type { Client } from '../model/client.ts'
import type { ResourceOwner } from '../model/resource-owner.ts'

export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** A checked authorization request. Plain data: survives JSON. */
export interface AuthorizationRequest {
  readonly client: Client
  readonly redirectUri: string
  readonly responseType: 'code'
  /** As sent; undefined when it was not. */
  readonly responseMode: ResponseMode | undefined
  /** Scopes in the order asked, each once, or the default ones. */
  readonly scopes: readonly string[]
  /** The scope text as the consent form repeats it. */
  readonly scope: string
  /** This and the three below as sent; a blank one stands for none. */
  readonly state: string | undefined
  readonly nonce: string | undefined
  readonly codeChallenge: string | undefined
  readonly codeChallengeMethod: string | undefined
}

/** Why an authorization request cannot go on. */
export interface AuthorizationError {
  readonly error: string
  readonly description: string
  readonly status: number
  readonly state: string | undefined
  /** Where to send the error; undefined when no address of the client was proven. */
  readonly redirectUri: string | undefined
  readonly responseMode: ResponseMode | undefined
  /** The issuer, where the client's policy has the answer name it (RFC 9207). */
  readonly iss: string | undefined
}

export type PreAuthorization =
  | { readonly ok: true; readonly request: AuthorizationRequest }
  | { readonly ok: false; readonly error: AuthorizationError }

/** What GET /oauth/authorize comes to. */
export type AuthorizationStep =
  /** Nobody is signed in: nothing was checked. */
  | { readonly kind: 'sign_in' }
  /** The user must sign in anew (prompt=login, max_age) and come back with `returnQuery`, from which the prompt is gone. */
  | { readonly kind: 'reauthenticate'; readonly returnQuery: string }
  /** prompt=select_account. */
  | { readonly kind: 'select_account'; readonly returnQuery: string }
  /** Show the consent page. */
  | { readonly kind: 'consent'; readonly request: AuthorizationRequest }
  /** Consent stands or is not needed: issue a code at once. */
  | { readonly kind: 'issue'; readonly request: AuthorizationRequest }
  /** Answer with this: the error page, or an OpenID Connect error sent to the client. */
  | { readonly kind: 'reply'; readonly reply: HttpReply }

/** What is known of an authorization request beside its parameters. */
export interface AuthorizationContext {
  /** An absolute address: named in errors for clients without a redirect address when nobody is signed in. */
  readonly signInAddress?: string | undefined
  /**
   * The scope texts of tokens that the user has granted to the client, but not through this server. Called only when
   * the answer depends on it: no token of this server has the requested scopes. Must not reject.
   */
  grantedElsewhere?(client: Client, owner: ResourceOwner): Promise<readonly string[]>
}
