import {
  CLIENT_TROUBLES,
  type Observation,
  type ObservedTrouble,
  OUR_TROUBLES,
  SERVER_TROUBLES,
  UNTOLD,
} from './observation.ts'
import type { OutcomeCause } from './vocabulary.ts'

/** What is known of a presented credential: `foreign` if the other side issued it, `unknown` if no issue was seen. */
export type CredentialState = 'live' | 'used' | 'expired' | 'foreign' | 'unknown'

/** What the past says about a request; see {@link causeOf}. */
export interface History {
  /** The presented credential, before this request. */
  readonly credential: CredentialState
  /** The client authenticated within the last 30 days, on either side. */
  readonly hasAuthenticated: boolean
  /** Legacy has accepted the same from this application. */
  readonly hasAccepted: Readonly<Record<'scope' | 'redirectUri' | 'grant' | 'form', boolean>>
}

/** One row of the table. */
interface CauseRow {
  readonly name: string
  readonly cause: OutcomeCause
  readonly applies: (observation: Observation, history: History) => boolean
}

/** Errors that a user decides or that need a user (RFC 6749 §4.1.2.1, RFC 8628 §3.5, OpenID Connect Core §3.1.2.6). */
const USER_ERRORS: ReadonlySet<string> = new Set([
  'access_denied',
  'expired_token',
  'login_required',
  'consent_required',
  'interaction_required',
  'account_selection_required',
])
const SERVER_ERRORS: ReadonlySet<string> = new Set(['server_error', 'temporarily_unavailable'])
const CREDENTIAL_ERRORS: ReadonlySet<string> = new Set(['invalid_grant', 'invalid_token'])
const SCOPE_ERRORS: ReadonlySet<string> = new Set(['invalid_scope', 'insufficient_scope'])
const GRANT_ERRORS: ReadonlySet<string> = new Set([
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
])
/** Errors with rows of their own, which the row about the form of a request leaves to them. */
const JUDGED_ELSEWHERE: ReadonlySet<string> = new Set([
  'invalid_client',
  ...CREDENTIAL_ERRORS,
  ...SCOPE_ERRORS,
  ...GRANT_ERRORS,
])
const TOO_MANY_REQUESTS = 429

/** Whether what becomes of an observation depends on the issue of the credential that it presents. */
export function restsOnCredential({ applicationId, request, error }: Observation): boolean {
  if (applicationId === UNTOLD || request === 'authorization_code' || request === 'device_code') return true
  return error !== undefined && CREDENTIAL_ERRORS.has(error)
}

/**
 * The table of causes. The first row that applies decides. The same rows hold for both sides; what only a comparison
 * with legacy can show rests on what legacy has accepted from the same application.
 */
export const CAUSE_TABLE: readonly CauseRow[] = [
  { name: 'granted', cause: 'success', applies: (seen) => seen.isGranted },
  { name: 'gateway at fault', cause: 'ours', applies: ({ trouble }) => isOne(OUR_TROUBLES, trouble) },
  { name: 'no usable answer', cause: 'server', applies: ({ trouble }) => isOne(SERVER_TROUBLES, trouble) },
  { name: 'caller at fault', cause: 'client', applies: ({ trouble }) => isOne(CLIENT_TROUBLES, trouble) },
  { name: 'server error', cause: 'server', applies: (seen) => seen.status >= 500 || has(SERVER_ERRORS, seen) },
  { name: 'the user decided', cause: 'user', applies: (seen) => has(USER_ERRORS, seen) },
  {
    name: 'wrong user name or password',
    cause: 'user',
    applies: ({ request, error }) => request === 'password' && error === 'invalid_grant',
  },
  { name: 'diverted from IAM and refused', cause: 'ours', applies: (seen) => seen.isDiverted },
  {
    name: 'client refused that authenticated before',
    cause: 'server',
    applies: ({ error }, { hasAuthenticated }) => error === 'invalid_client' && hasAuthenticated,
  },
  {
    name: 'live credential refused',
    cause: 'server',
    applies: (seen, { credential }) => has(CREDENTIAL_ERRORS, seen) && credential === 'live',
  },
  {
    name: 'credential sent to the wrong side',
    cause: 'ours',
    applies: (seen, { credential }) => has(CREDENTIAL_ERRORS, seen) && credential === 'foreign',
  },
  {
    name: 'scope refused that legacy accepted',
    cause: 'server',
    applies: (seen, { hasAccepted }) => has(SCOPE_ERRORS, seen) && hasAccepted.scope,
  },
  {
    name: 'redirect URI refused that legacy accepted',
    cause: 'server',
    applies: (seen, { hasAccepted }) =>
      (seen.error === 'invalid_redirect_uri' && hasAccepted.redirectUri) ||
      (isRefusedByPage(seen) && hasAccepted.redirectUri && hasAccepted.scope && hasAccepted.form),
  },
  {
    name: 'grant refused that legacy accepted',
    cause: 'server',
    // The response type is part of the form.
    applies: (seen, { hasAccepted }) =>
      has(GRANT_ERRORS, seen) && hasAccepted.grant && (seen.request !== 'authorize' || hasAccepted.form),
  },
  {
    name: 'form of request refused that legacy accepted',
    cause: 'server',
    applies: (seen, { hasAccepted }) =>
      seen.status !== TOO_MANY_REQUESTS && !has(JUDGED_ELSEWHERE, seen) && !isRefusedByPage(seen) && hasAccepted.form,
  },
  { name: 'anything else', cause: 'client', applies: () => true },
]

/** What the table says about a request. */
export interface Judgement {
  readonly cause: OutcomeCause
  /** See `FlowOutcome.error`. */
  readonly error: string | undefined
}

/** Judges a request that ended, by the first row of {@link CAUSE_TABLE} that applies. */
export function causeOf(observation: Observation, history: History): Judgement {
  const row = CAUSE_TABLE.find(({ applies }) => applies(observation, history))
  const cause = row?.cause ?? 'client'
  return { cause, error: cause === 'success' ? undefined : errorOf(observation) }
}

/**
 * Whether a request is only a step of a flow that continues: a page, a redirect to one, a code or device code, or a
 * device that waits for its user (RFC 8628 §3.5).
 */
export function isStep({ request, status, error, trouble, isGranted }: Observation): boolean {
  if (trouble !== undefined) return false
  if (request === 'authorize') return !isGranted && error === undefined && status >= 200 && status < 400
  if (request === 'authorize_device') return isGranted
  return request === 'device_code' && (error === 'authorization_pending' || error === 'slow_down')
}

/** Whether a successful request proves that the client authenticated. */
export function provesClient({ request, isGranted }: Observation): boolean {
  return isGranted && request !== 'authorize' && request !== 'userinfo'
}

function errorOf({ error, trouble, status }: Observation): string {
  return trouble ?? error ?? `status_${status}`
}

/**
 * An authorization server must not redirect to an invalid URI, so it shows a page (RFC 6749 §4.1.2.1). Doorkeeper shows
 * one for other faults too, so the page is about the URI only if legacy accepted everything that the request asks for.
 */
function isRefusedByPage({ request, error }: Observation): boolean {
  return request === 'authorize' && error === undefined
}

function has(errors: ReadonlySet<string>, { error }: Observation): boolean {
  return error !== undefined && errors.has(error)
}

function isOne(list: readonly ObservedTrouble[], trouble: ObservedTrouble | undefined): boolean {
  return trouble !== undefined && list.includes(trouble)
}
