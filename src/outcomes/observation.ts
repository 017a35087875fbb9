import type { OutcomeKind, OutcomeSide } from './vocabulary.ts'

/** The requests that a gateway observes: endpoints, and the grant types of the token endpoint. */
export const OBSERVED_REQUESTS = [
  'authorize',
  'authorize_device',
  'authorization_code',
  'device_code',
  'refresh_token',
  'client_credentials',
  'password',
  'introspect',
  'revoke',
  'userinfo',
] as const
export type ObservedRequest = (typeof OBSERVED_REQUESTS)[number]

/** Failures that a side caused, as the gateway saw them. */
export const SERVER_TROUBLES = ['timed_out', 'unreachable', 'cut_off', 'unreadable'] as const
/** Failures that the gateway caused. */
export const OUR_TROUBLES = ['circuit_open', 'overloaded', 'gateway_error'] as const
/** Failures that the caller caused before a side answered. */
export const CLIENT_TROUBLES = ['client_closed', 'malformed_request'] as const
export const TROUBLES = [...SERVER_TROUBLES, ...OUR_TROUBLES, ...CLIENT_TROUBLES] as const
export type ObservedTrouble = (typeof TROUBLES)[number]

/** The types of credential whose issue is remembered. */
export const CREDENTIAL_TYPES = ['code', 'device_code', 'refresh_token', 'access_token'] as const
export type ObservedCredential = (typeof CREDENTIAL_TYPES)[number]

/** A credential that a response delivered. */
export interface IssuedCredential {
  readonly type: ObservedCredential
  /** Keyed hash. */
  readonly hash: string
  /** How long it may be presented, in seconds; 0 for no known end. */
  readonly lifetime: number
}

/** What a request asked for, as 32-bit hashes: enough to tell whether legacy has accepted the same before. */
export interface Asked {
  readonly scope: number
  readonly redirectUri: number
  /** The names of the parameters, the client's authentication method, and the type of the body. */
  readonly form: number
}

/** The application id of a request that does not tell its application. */
export const UNTOLD = 0

/** One exchange as one gateway saw it. Holds no credential: all hashes are keyed, and gateways share the key. */
export interface Observation {
  /** {@link UNTOLD} if only the presented credential tells it. */
  readonly applicationId: number
  readonly request: ObservedRequest
  /** The side that answered, or that should have. */
  readonly side: OutcomeSide
  /** When the exchange began, in milliseconds since the epoch. */
  readonly at: number
  readonly durationMs: number
  /** The status of the response; 0 if there was none. */
  readonly status: number
  /** The `error` of an OAuth response, in its body or in a redirect. */
  readonly error: string | undefined
  readonly trouble: ObservedTrouble | undefined
  /** The response grants what the request asked for: a token, a device code, an introspection, a revocation, claims. */
  readonly isGranted: boolean
  /** Brake or circuit sent the request to legacy although the flag says IAM. */
  readonly isDiverted: boolean
  /** The credential in the request. */
  readonly presented: string | undefined
  /** For `authorize`: identifies the flow among others. */
  readonly flow: string | undefined
  readonly caller: string
  readonly asked: Asked
  readonly issued: readonly IssuedCredential[]
  readonly shape: string | undefined
  readonly requestId: string
}

/** The kind of flow that each request belongs to. */
export const KIND_OF_REQUEST: Readonly<Record<ObservedRequest, OutcomeKind>> = {
  authorize: 'sign_in',
  authorize_device: 'device',
  authorization_code: 'sign_in',
  device_code: 'device',
  refresh_token: 'refresh',
  client_credentials: 'client_credentials',
  password: 'password',
  introspect: 'introspect',
  revoke: 'revoke',
  userinfo: 'userinfo',
}
