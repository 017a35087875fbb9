import type { DoorkeeperCompatibility, Reworded } from '../model/compatibility.ts'
import { jsonReply, type OAuthReply, securityHeaders } from './replies.ts'

const SERVER_ERROR =
  'The authorization server encountered an unexpected condition which prevented it from fulfilling the request.'

/**
 * Every error that a client can receive, with its status and default text, which {@link DoorkeeperCompatibility} may replace. The three of
 * the device flow share a text (docs/doorkeeper.md, 44).
 */
const ERRORS = {
  invalid_request: [
    400,
    'The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed.',
  ],
  invalid_redirect_uri: [400, "The requested redirect URI is malformed or doesn't match the client redirect URI."],
  unauthorized_client: [400, 'The client is not authorized to perform this request using this method.'],
  access_denied: [400, 'The resource owner or authorization server denied the request.'],
  invalid_scope: [400, 'The requested scope is invalid, unknown, or malformed.'],
  invalid_code_challenge_method: [400, 'The code_challenge_method must be one of plain, S256.'],
  unsupported_response_type: [400, 'The authorization server does not support this response type.'],
  unsupported_response_mode: [400, 'The authorization server does not support this response mode.'],
  invalid_client: [
    401,
    'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.',
  ],
  invalid_grant: [
    400,
    'The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.',
  ],
  unsupported_grant_type: [400, 'The authorization grant type is not supported by the authorization server.'],
  login_required: [400, 'The authorization server requires end-user authentication'],
  consent_required: [400, 'The authorization server requires end-user consent'],
  authorization_pending: [400, SERVER_ERROR],
  slow_down: [400, SERVER_ERROR],
  expired_token: [400, SERVER_ERROR],
} as const satisfies Record<string, readonly [status: number, text: string]>

export type FailureCode = keyof typeof ERRORS

/** An OAuth error as the client receives it (RFC 6749 §4.1.2.1 and §5.2). */
export interface Failure {
  readonly error: FailureCode
  readonly description: string
  readonly status: number
  /** The error ended the request before content negotiation, so the answer does not vary by Accept. */
  readonly abrupt: boolean
}

/** The failure for an error code, with its default text. */
export function failure(error: FailureCode, options: { readonly abrupt?: boolean } = {}): Failure {
  const [status, description] = ERRORS[error]
  return { error, description, status, abrupt: options.abrupt ?? false }
}

/** The failure for an error code, in the words of a version of Doorkeeper. */
export function wordedFailure(error: FailureCode & Reworded, { wordings }: DoorkeeperCompatibility): Failure {
  const usual = failure(error)
  return { ...usual, description: wordings[error] ?? usual.description }
}

/** invalid_request for a caller without credentials (J009). */
export function requestNotAuthorized({ wordings }: DoorkeeperCompatibility): Failure {
  const description =
    wordings.request_not_authorized ??
    'Request needs to be authorized. Required parameter for authorizing the request is missing or invalid.'
  return { ...failure('invalid_request'), description }
}

/** invalid_request that names the missing parameter. */
export function missingParameter(name: string, options: { readonly abrupt?: boolean } = {}): Failure {
  return { ...failure('invalid_request', options), description: `Missing required parameter: ${name}.` }
}

const POLICY_TEXTS = {
  pkce_required: 'Code challenge is required.',
  plain_refused: 'The code_challenge_method must be S256.',
  secret_in_uri: 'Credentials must not be sent in the request URI.',
  token_in_uri: 'Access tokens must not be sent in the request URI.',
} as const

/** invalid_request that names what the client's policy rejects (RFC 7636 §4.4.1, RFC 6750 §3.1, RFC 6749 §5.2). */
export function refusedByPolicy(what: keyof typeof POLICY_TEXTS): Failure {
  return { ...failure('invalid_request'), description: POLICY_TEXTS[what] }
}

/** The texts for an invalid or unknown bearer token (RFC 6750 §3.1). */
export const TOKEN_TEXTS = {
  unknown: 'The access token is invalid',
  expired: 'The access token expired',
  revoked: 'The access token was revoked',
} as const

/** The text of 403 at the revocation endpoint. */
export const REVOCATION_REFUSED = {
  error: 'unauthorized_client',
  error_description: 'You are not authorized to revoke this token',
} as const

/**
 * The value of WWW-Authenticate for an error; always Bearer, even for client authentication (docs/doorkeeper.md, 17).
 */
export function challenge(
  error: string,
  description: string,
  { realm }: DoorkeeperCompatibility,
): readonly [string, string] {
  return ['WWW-Authenticate', `Bearer realm="${realm}", error="${error}", error_description="${description}"`]
}

/** An error of the token, introspection and device endpoints as JSON. */
export function failureReply(failed: Failure, compatibility: DoorkeeperCompatibility): OAuthReply {
  const { error: oauthError } = failed
  const body = { error: oauthError, error_description: failed.description }
  const headers = errorHeaders(failed.error, failed.description, compatibility)
  if (!failed.abrupt) return { ...jsonReply(failed.status, body, headers), oauthError }
  return {
    status: failed.status,
    headers: [...securityHeaders, ['Content-Type', 'application/json; charset=utf-8'], ...headers],
    body: JSON.stringify(body),
    oauthError,
  }
}

/** invalid_token as JSON, as token info and introspection answer it. */
export function invalidTokenReply(
  reason: keyof typeof TOKEN_TEXTS,
  compatibility: DoorkeeperCompatibility,
): OAuthReply {
  const oauthError = 'invalid_token'
  const description = TOKEN_TEXTS[reason]
  const body = { error: oauthError, error_description: description, state: 'unauthorized' }
  return { ...jsonReply(401, body, errorHeaders(oauthError, description, compatibility)), oauthError }
}

/** The headers that prevent an error from being cached. */
export function uncached(compatibility: DoorkeeperCompatibility): ReadonlyArray<readonly [string, string]> {
  const store = ['Cache-Control', 'no-store'] as const
  return compatibility.pragmaOnErrors ? [store, ['Pragma', 'no-cache']] : [store]
}

/** The headers of an error answer. */
export function errorHeaders(
  error: string,
  description: string,
  compatibility: DoorkeeperCompatibility,
): Array<readonly [string, string]> {
  return [...uncached(compatibility), challenge(error, description, compatibility)]
}
