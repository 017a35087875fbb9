/** Where a request may go. On the wire and in logs legacy is called `rails` (see {@link WIRE_DESTINATION}). */
export type Destination = 'legacy' | 'iam'

/** The names that logs, metrics, the routing endpoint and forward_auth use for a destination. */
export const WIRE_DESTINATION = { legacy: 'rails', iam: 'iam', rejected: 'rejected' } as const

/**
 * Why a request went where it went. The first group are decisions, the second what happened to the request afterwards.
 */
export const REASONS = [
  'brake',
  'flow_verifier',
  'flow_affinity',
  'credential_issuer',
  'credential_unknown',
  'ambiguous_client',
  'malformed_request',
  'client_id_missing',
  'client_id_too_long',
  'unknown_client',
  'flag_enabled',
  'iam_unavailable',
  'flag_disabled',
  /** The flag is on, but IAM does not hold the application's current version. */
  'application_not_arrived',
  'routing_unavailable',
  // after the decision
  'iam_failed_over',
  'body_too_large',
  'not_routed',
  /** A page of an IAM that has its own pages. */
  'iam_page',
] as const
export type Reason = (typeof REASONS)[number]

/** The endpoints the gateway knows. The first five are the standardized ones; `other` goes to legacy untouched. */
export const ENDPOINTS = [
  'authorize',
  'authorize_device',
  'token',
  'revoke',
  'introspect',
  'authorize_native',
  'device',
  'token_info',
  'userinfo',
  'jwks',
  'openid_configuration',
  'authorization_server_metadata',
  'other',
] as const
export type Endpoint = (typeof ENDPOINTS)[number]

/** The flag that moves an application. */
export const ROUTING_FLAG = 'proxy_oauth_requests_to_iam_service'
/** The flag that sends unknown clients to IAM. */
export const UNKNOWN_CLIENTS_FLAG = 'route_unknown_oauth_clients_to_iam'

export const MAX_CLIENT_ID_BYTES = 255
export const MAX_BODY_BYTES = 1 << 20
