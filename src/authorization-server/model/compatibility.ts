/** Errors with a different text in each version. */
export type Reworded = 'invalid_redirect_uri' | 'invalid_code_challenge_method' | 'request_not_authorized'

/**
 * The differences between versions of Doorkeeper, kept here alone: the endpoints read these switches and know no
 * version. A defect that no version reproduces is not a switch; docs/deliberate-differences.md lists those.
 */
export interface DoorkeeperCompatibility {
  /** GET /oauth/authorize answers an invalid request with the status of its error instead of 200 (A013 onwards). */
  readonly authorizationErrorStatus: boolean
  /** `response_mode=fragment` puts the code in the fragment; otherwise it is in the query regardless (A182). */
  readonly codeInFragment: boolean
  /** Errors of endpoints and protected resources carry `Pragma: no-cache` (E007). */
  readonly pragmaOnErrors: boolean
  /** The scheme of Basic credentials is case-insensitive (E014). */
  readonly basicSchemeAnyCase: boolean
  /** `token_type_hint=refresh_token` searches refresh tokens only, for revocation too (I021). */
  readonly refreshHintIsStrict: boolean
  /** Where revocation requires no client, a public client's token can still be revoked only by that client (I011). */
  readonly publicTokensNeedTheirClient: boolean
  /** client_credentials without a scope is rejected for a client with scopes that exclude the default (G007). */
  readonly emptyClientScopeRefused: boolean
  /** The order of members in the answers. */
  readonly order: MemberOrder
  /** 403 answers of protected resources name the missing scope in `WWW-Authenticate` (L006, P002). */
  readonly insufficientScopeChallenge: boolean
  /**
   * Discovery lists `code_challenge_methods_supported`, and is also served at /.well-known/oauth-authorization-server
   * (M002, M006).
   */
  readonly authorizationServerMetadata: boolean
  /** `max_age=0` requires a sign-in in the current second; otherwise it is ignored (openid_connect 1.8.11). */
  readonly zeroMaxAgeCounts: boolean
  /** `prompt=create` is accepted without effect; otherwise it is unknown (openid_connect 1.8.11). */
  readonly createPromptKnown: boolean
  /** The realm in `WWW-Authenticate`, chosen by the operator. */
  readonly realm: string
  /** Error texts that differ from those in `failure.ts`. */
  readonly wordings: Readonly<Partial<Record<Reworded, string>>>
}

/** The member order of objects in which it changed between versions. */
export interface MemberOrder {
  /** An active token at introspection (J002). */
  readonly introspection: ReadonlyArray<'active' | 'scope' | 'client_id' | 'token_type' | 'iat' | 'exp'>
  /** A key of /oauth/discovery/keys (M009). */
  readonly jwk: ReadonlyArray<'kty' | 'n' | 'e' | 'kid' | 'use' | 'alg'>
  /** The header of an id_token (E053). */
  readonly jwtHeader: ReadonlyArray<'typ' | 'kid' | 'alg'>
}

/** Doorkeeper 5.9.1 with openid_connect 1.8.11 and device_authorization_grant 1.0.3. */
const doorkeeper59: DoorkeeperCompatibility = {
  realm: 'Doorkeeper',
  authorizationErrorStatus: true,
  codeInFragment: true,
  pragmaOnErrors: false,
  basicSchemeAnyCase: true,
  refreshHintIsStrict: true,
  publicTokensNeedTheirClient: true,
  emptyClientScopeRefused: true,
  order: {
    introspection: ['active', 'scope', 'client_id', 'token_type', 'iat', 'exp'],
    jwk: ['kty', 'n', 'e', 'kid', 'use', 'alg'],
    jwtHeader: ['typ', 'kid', 'alg'],
  },
  insufficientScopeChallenge: true,
  authorizationServerMetadata: true,
  zeroMaxAgeCounts: true,
  createPromptKnown: true,
  wordings: {},
}

/** Doorkeeper 5.5.0 with openid_connect 1.8.0 and device_authorization_grant 1.0.3. */
const doorkeeper55: DoorkeeperCompatibility = {
  realm: 'Doorkeeper',
  authorizationErrorStatus: false,
  codeInFragment: false,
  pragmaOnErrors: true,
  basicSchemeAnyCase: false,
  refreshHintIsStrict: false,
  publicTokensNeedTheirClient: false,
  emptyClientScopeRefused: false,
  order: {
    introspection: ['active', 'scope', 'client_id', 'token_type', 'exp', 'iat'],
    jwk: ['kty', 'kid', 'e', 'n', 'use', 'alg'],
    jwtHeader: ['typ', 'alg', 'kid'],
  },
  insufficientScopeChallenge: false,
  authorizationServerMetadata: false,
  zeroMaxAgeCounts: false,
  createPromptKnown: false,
  wordings: {
    invalid_redirect_uri: "The requested redirect uri is malformed or doesn't match client redirect URI.",
    invalid_code_challenge_method: 'The code challenge method must be plain or S256.',
    request_not_authorized:
      'The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed.',
  },
}

/** Every version, by the name that operators configure. */
export const COMPATIBILITY = { '5.5': doorkeeper55, '5.9': doorkeeper59 } as const satisfies Record<
  string,
  DoorkeeperCompatibility
>

/** A version of Doorkeeper that the servers reproduce. */
export type DoorkeeperVersion = keyof typeof COMPATIBILITY

/** The behaviour of a version of Doorkeeper, with the operator's realm. */
export function compatibilityWith(version: DoorkeeperVersion, realm: string | undefined): DoorkeeperCompatibility {
  return realm === undefined ? COMPATIBILITY[version] : { ...COMPATIBILITY[version], realm }
}
