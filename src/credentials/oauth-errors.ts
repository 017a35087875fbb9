/** Error codes of RFC 6749 §4.1.2.1 and §5.2, 6750 §3.1, 7009 §2.2.1, 8628 §3.5, 8707 §2 and OpenID Connect Core §3.1.2.6. */
const KNOWN: ReadonlySet<string> = new Set([
  'access_denied',
  'account_selection_required',
  'authorization_pending',
  'consent_required',
  'expired_token',
  'insufficient_scope',
  'interaction_required',
  'invalid_client',
  'invalid_grant',
  'invalid_redirect_uri',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'invalid_token',
  'login_required',
  'server_error',
  'slow_down',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_mode',
  'unsupported_response_type',
  'unsupported_token_type',
])

/** Returns an error code that is safe as a metric label and in a log: a code that OAuth defines, otherwise `other`. */
export function boundedError(code: string): string {
  return KNOWN.has(code) ? code : 'other'
}
