/**
 * What differs between the versions of Doorkeeper. Only here: the endpoints read these switches and know no version.
 * Values for 5.5 are those of the recording of 5.5.0.
 */
export interface Dialect {
  /** GET /oauth/authorize answers a faulty request with the status of its error instead of 200. */
  readonly authorizationErrorStatus: boolean
  /** Errors of the token endpoints carry `Pragma: no-cache`. */
  readonly pragmaOnErrors: boolean
  /** The scheme of Basic credentials is matched whatever its case (E014). */
  readonly basicSchemeAnyCase: boolean
  /** `token_type_hint=refresh_token` looks among refresh tokens only, also for revocation (I021). */
  readonly refreshHintIsStrict: boolean
  /** client_credentials without a scope is refused to a client whose scopes leave out the default (G007). */
  readonly emptyClientScopeRefused: boolean
  /** The order of the members of an introspection answer. */
  readonly introspectionOrder: readonly string[]
  /** 403 answers of protected resources name the missing scope in `WWW-Authenticate`. */
  readonly insufficientScopeChallenge: boolean
  /** Discovery lists `code_challenge_methods_supported`, and is served at /.well-known/oauth-authorization-server too. */
  readonly discoveryOfChallengeMethods: boolean
  /** What introspection answers a caller without authentication. */
  readonly unauthorizedRequestText: string
}

/** Doorkeeper 5.9.1 with openid_connect 1.8.11 and device_authorization_grant 1.0.3. */
export const doorkeeper59: Dialect = {
  authorizationErrorStatus: true,
  pragmaOnErrors: false,
  basicSchemeAnyCase: true,
  refreshHintIsStrict: true,
  emptyClientScopeRefused: true,
  introspectionOrder: ['active', 'scope', 'client_id', 'token_type', 'iat', 'exp'],
  insufficientScopeChallenge: true,
  discoveryOfChallengeMethods: true,
  unauthorizedRequestText:
    'Request needs to be authorized. Required parameter for authorizing the request is missing or invalid.',
}
