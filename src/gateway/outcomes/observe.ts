import type { IssuedCredential, Observation, ObservedRequest, ObservedTrouble } from '../../outcomes/index.ts'
import { WIRE_DESTINATION } from '../../routing/index.ts'
import { type Issued, issuedInLocation } from '../ledger/issued.ts'
import type { AttemptFailure } from '../responses/failure.ts'
import { CLIENT_CLOSED, type ExchangeRecord } from '../telemetry/exchange-record.ts'
import type { KeyedHash } from './keyed-hash.ts'

/** RFC 6749 §4.1.2. */
const CODE_SECONDS = 600
/** The ledger keeps credentials longer than they live, in case clocks differ. */
const LEDGER_MARGIN_SECONDS = 120
/** The ledger's lifetime for a credential without a known end. */
const UNBOUNDED_SECONDS = 90 * 86_400

const OF_GRANT_TYPE: Readonly<Record<string, ObservedRequest>> = {
  authorization_code: 'authorization_code',
  refresh_token: 'refresh_token',
  client_credentials: 'client_credentials',
  password: 'password',
  device_code: 'device_code',
  'urn:ietf:params:oauth:grant-type:device_code': 'device_code',
}

const TROUBLE_OF: Readonly<Record<Exclude<AttemptFailure, 'server_error'>, ObservedTrouble>> = {
  not_connected: 'unreachable',
  overloaded: 'overloaded',
  closed: 'cut_off',
  timed_out: 'timed_out',
  unexpected_content_type: 'unreadable',
}
/** Reasons why a request of a moved application went to legacy. */
const DIVERTED: ReadonlySet<string> = new Set(['brake', 'iam_unavailable', 'iam_failed_over', 'routing_unavailable'])
const NO_REQUEST = { scope: 0, redirectUri: 0, form: 0 }

/** What one exchange is observed with. */
export interface ObservationContext {
  readonly hash: KeyedHash
  /** 0 if only the control plane can tell, by the credential. */
  readonly applicationId: number
  /** Milliseconds since the epoch, when the exchange ended. */
  readonly now: number
  /** Also read what costs more: access tokens, and the shape of the response. */
  readonly isThorough: boolean
}

/** What kind of request an exchange was; undefined if it is not observed. */
export function observedRequest({ endpoint, method, facts }: ExchangeRecord): ObservedRequest | undefined {
  if (method !== 'GET' && method !== 'POST') return undefined
  if (endpoint === 'token') return OF_GRANT_TYPE[facts?.grantType ?? '']
  const isObserved = endpoint === 'authorize' || endpoint === 'authorize_device'
  return isObserved || endpoint === 'introspect' || endpoint === 'revoke' || endpoint === 'userinfo'
    ? endpoint
    : undefined
}

/**
 * Turns an exchange into an observation without any credential. For a request that failed over there are two: what IAM
 * failed to do, and what legacy did instead.
 */
export function observe(record: ExchangeRecord, request: ObservedRequest, context: ObservationContext): Observation[] {
  const seen = observeLast(record, request, context)
  const { failure, reason } = record
  if (reason !== 'iam_failed_over' || failure === undefined) return [seen]
  const failed = { side: 'iam', status: 0, isGranted: false, isDiverted: false, issued: [], shape: undefined } as const
  return [{ ...seen, ...failed, ...faultOf(failure) }, seen]
}

function observeLast(record: ExchangeRecord, request: ObservedRequest, context: ObservationContext): Observation {
  const { facts, durationMs, status, correlationId } = record
  const { hash, applicationId, now } = context
  const network = record.network ?? ''
  const side = record.destination === 'iam' ? 'iam' : WIRE_DESTINATION.legacy
  const trouble = troubleOf(record, request)
  const flow = flowOf(record, network)
  const presented = request === 'password' ? facts?.username : facts?.presented
  const caller = hash.ofNetwork(network)
  // One literal without spreads: this runs for every request.
  return {
    applicationId,
    request,
    side,
    at: now - durationMs,
    durationMs,
    status: status === CLIENT_CLOSED ? 0 : status,
    isGranted: trouble === undefined && isGranted(record, request),
    error: trouble === undefined ? errorOf(record, request) : undefined,
    trouble,
    isDiverted: DIVERTED.has(record.reason),
    presented: presented === undefined ? undefined : isToken(request) ? hash.ofToken(presented) : hash.of(presented),
    flow: flow === undefined ? undefined : hash.of(flow),
    caller,
    asked: facts?.asked ?? NO_REQUEST,
    issued: issuedBy(record, request, context),
    shape: context.isThorough ? shapeOf(record, hash) : undefined,
    requestId: correlationId,
  }
}

/** Whether a request presents a token, not a code or a user name. */
function isToken(request: ObservedRequest): boolean {
  return request !== 'authorization_code' && request !== 'device_code' && request !== 'password'
}

/**
 * Identifies a sign-in by redirect URI and `state`, in its first request and in the response that ends it: IAM ends it in
 * a request that names no client. Sign-ins without a `state` are distinguished by the network of the browser.
 */
function flowOf({ endpoint, facts, redirect }: ExchangeRecord, network: string): string | undefined {
  if (endpoint !== 'authorize') return undefined
  const asked = facts?.flow
  const flow = asked === undefined ? flowEndedBy(redirect) : asked.slice(asked.indexOf('\n') + 1)
  return flow?.endsWith('\n') ? `${flow}${network}` : flow
}

/** What an authorization server adds to a redirect URI (RFC 6749 §4.1.2, RFC 9207, OpenID Connect). */
const ADDED: ReadonlySet<string> = new Set([
  ...['code', 'state', 'iss', 'session_state', 'error', 'error_description', 'error_uri'],
  ...['access_token', 'token_type', 'expires_in', 'scope', 'id_token'],
])

/** Returns the flow that a redirect to a client ends; undefined for any other redirect. */
export function flowEndedBy(redirect: string | undefined): string | undefined {
  const at = redirect?.search(/[?#]/) ?? -1
  if (redirect === undefined || at < 0) return undefined
  const parameters = new URLSearchParams(redirect.slice(at + 1).replace('#', '&'))
  if (!parameters.has('code') && !parameters.has('error') && !parameters.has('access_token')) return undefined
  const state = parameters.get('state') ?? ''
  const own = redirect
    .slice(at + 1)
    .split(/[&#]/)
    .filter((pair) => !ADDED.has(pair.split('=', 1)[0] ?? ''))
  return `${redirect.slice(0, at)}${own.length === 0 ? '' : `?${own.join('&')}`}\n${state}`
}

function isGranted({ status, granted, redirect, response }: ExchangeRecord, request: ObservedRequest): boolean {
  switch (request) {
    case 'authorize':
      return redirect !== undefined && /[#&](?:access_token|id_token)=/.test(redirect)
    case 'authorize_device':
      return status === 200 && (response?.issued() ?? []).some(({ type }) => type === 'device_code')
    case 'introspect':
    case 'revoke':
    case 'userinfo':
      return status === 200
    default:
      return granted
  }
}

function troubleOf(record: ExchangeRecord, request: ObservedRequest): ObservedTrouble | undefined {
  const { ending, failure, status, destination, reason } = record
  if (ending === 'client_closed') return 'client_closed'
  if (ending === 'cut') return failure === 'timed_out' ? 'timed_out' : 'cut_off'
  if (destination === 'rejected') return status >= 500 ? 'gateway_error' : 'malformed_request'
  const isAnswered = failure === undefined || reason === 'iam_failed_over' || status < 500
  if (!isAnswered) return failure === 'server_error' ? undefined : TROUBLE_OF[failure]
  // Whatever IAM answers with 5xx is a failure of the attempt; without one, the gateway answered itself.
  if (status >= 500 && destination === 'iam' && failure === undefined) return 'circuit_open'
  const isForPrograms = request !== 'authorize' && request !== 'userinfo' && request !== 'revoke'
  const mustHold = isForPrograms && request !== 'introspect' && status === 200
  return mustHold && !isGranted(record, request) ? 'unreadable' : undefined
}

function faultOf(failure: AttemptFailure): Pick<Observation, 'error' | 'trouble'> {
  if (failure === 'server_error') return { error: 'server_error', trouble: undefined }
  return { error: undefined, trouble: TROUBLE_OF[failure] }
}

function errorOf(record: ExchangeRecord, request: ObservedRequest): string | undefined {
  const { oauthError, status, failure, reason } = record
  if (failure === 'server_error' && status >= 500 && reason !== 'iam_failed_over') return 'server_error'
  if (oauthError !== undefined || request !== 'userinfo') return oauthError
  // RFC 6750 §3.1: the error may only be in a header.
  return status === 401 ? 'invalid_token' : status === 403 ? 'insufficient_scope' : undefined
}

function issuedBy(record: ExchangeRecord, request: ObservedRequest, context: ObservationContext): IssuedCredential[] {
  const { hash, isThorough } = context
  const { redirect, response, granted } = record
  if (request === 'authorize') {
    const found = redirect === undefined ? (response?.issued() ?? []) : issuedInLocation(redirect)
    return found.map(({ value }) => ({ type: 'code', hash: hash.of(value), lifetime: CODE_SECONDS }))
  }
  if (request === 'authorize_device' || (granted && isThorough)) {
    return (response?.issued() ?? []).flatMap((one) => issuedCredential(one, hash) ?? [])
  }
  const refresh = granted ? response?.textMember('refresh_token') : undefined
  return refresh === undefined ? [] : [{ type: 'refresh_token', hash: hash.ofToken(refresh), lifetime: 0 }]
}

function issuedCredential({ type, value, lifetime }: Issued, hash: KeyedHash): IssuedCredential | undefined {
  if (type !== 'device_code' && type !== 'refresh_token' && type !== 'access_token') return undefined
  const lived = Math.round(lifetime - LEDGER_MARGIN_SECONDS)
  const hashed = type === 'device_code' ? hash.of(value) : hash.ofToken(value)
  return { type, hash: hashed, lifetime: lived >= UNBOUNDED_SECONDS ? 0 : Math.max(1, lived) }
}

function shapeOf({ status, oauthError, response }: ExchangeRecord, hash: KeyedHash): string | undefined {
  const shape = response?.shape()
  return shape === undefined ? undefined : hash.of(`shape ${status} ${oauthError ?? ''} ${shape}`)
}
