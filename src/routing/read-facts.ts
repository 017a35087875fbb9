import { isAscii, isUtf8 } from 'node:buffer'
import { IAM_PREFIXES, isGenuineVerifier } from '../credentials/index.ts'
import { bodyKindOf, scanJson } from '../parameters/index.ts'
import { askedOf } from './asked.ts'
import type { Facts, PresentedType } from './decision.ts'
import { flowOf, sideOfFlow } from './flow-marks.ts'
import { RoutingParameters, readForm, readJson, readMultipart } from './parameters.ts'
import type { Endpoint } from './vocabulary.ts'

/**
 * One request to an endpoint, as routing reads it. Text has one character per byte (latin1), as `node:http` returns it.
 */
export interface RequestParts {
  readonly endpoint: Endpoint
  readonly method: string
  /** Without the question mark; empty for none. */
  readonly query: string
  readonly contentType: string | undefined
  readonly authorization: string | undefined
  /** The last of several Authorization headers. */
  readonly otherAuthorization?: string | undefined
  /** For `authorize` only: the browser's cookies, which may include marks of flows. */
  readonly cookie?: string | undefined
  /** A header that routing reads is repeated. */
  readonly hasRepeatedHeader: boolean
  readonly body: Buffer | undefined
}

/** How the two sides mark the credentials they issue. */
export interface CredentialMarks {
  /** Prefixes that mean IAM in addition to {@link IAM_PREFIXES}, for every type of credential. */
  readonly extraIamPrefixes: readonly string[]
  /** The `iss` of JWTs that IAM issues and legacy does not. */
  readonly iamJwtIssuer: string | undefined
  /** The `iss` of JWTs that legacy issues and IAM does not. */
  readonly legacyJwtIssuer: string | undefined
  /** The key that IAM signs its verifiers with; without it no verifier is trusted. */
  readonly verifierKey: Uint8Array | undefined
  /** The key that gateways sign flow marks with; without it no mark is trusted. */
  readonly flowKey?: Uint8Array | undefined
}

const MAX_SCANNED_JWT = 8_192

/**
 * Reads the facts of a request without guessing: see {@link Facts}. Never throws, for any bytes.
 *
 * @param now seconds since the epoch, to check the expiry of verifiers
 */
export function readFacts(parts: RequestParts, marks: CredentialMarks, now: number): Facts {
  const parameters = new RoutingParameters()
  if (parts.hasRepeatedHeader) parameters.addFault('ambiguous_client')
  readQuery(parts.query, parameters)
  readBodyParameters(parts, parameters)
  readClientAuthentication(parts, parameters)
  const presented = presentedCredentials(parts, parameters)
  const { credential, value, type } = issuerOf(presented, marks)
  const hasGenuineVerifier = parts.endpoint === 'authorize' && carriesGenuineVerifier(parameters, marks, now)
  const flow = flowIn(parts, parameters)
  const { flowKey } = marks
  const markedSide = flow !== undefined && flowKey ? sideOfFlow(parts.cookie, flow, flowKey, now) : undefined
  const affinity = markedSide ?? (isAnswerToLegacyForm(parts, parameters) ? 'legacy' : undefined)
  return {
    endpoint: parts.endpoint,
    clientId: parameters.get('client_id'),
    flow,
    markedSide,
    fault: parameters.fault,
    exceedsLimits: parameters.exceedsLimits,
    credential,
    presented: value,
    presentedType: type,
    grantType: parts.endpoint === 'token' ? parameters.get('grant_type') : undefined,
    caller: parts.endpoint === 'introspect' ? callerOf(parts, parameters, marks) : undefined,
    hasGenuineVerifier,
    affinity,
    asked: askedOf(parts, parameters),
    username: parts.endpoint === 'token' ? parameters.get('username') : undefined,
    startsFlow: credential === 'none' && !hasGenuineVerifier && affinity === undefined,
  }
}

function readQuery(query: string, parameters: RoutingParameters): void {
  if (query === '') return
  if (!hasHighCharacter(query)) return readForm(query, parameters, true)
  parameters.addFault('malformed_request')
  readForm(query, parameters)
}

function readBodyParameters(parts: RequestParts, parameters: RoutingParameters): void {
  const { body, contentType } = parts
  if (body === undefined || body.length === 0) return
  parameters.nextPlace()
  const kind = bodyKindOf(parts.method, contentType)
  if (kind === 'unread') return
  // Rack drops a NUL at the end of a form.
  const end = kind === 'form' && body.at(-1) === 0 ? body.length - 1 : body.length
  const read = end === body.length ? body : body.subarray(0, end)
  const ascii = isAscii(read)
  if (!(ascii || isUtf8(read)) || read.includes(0)) parameters.addFault('malformed_request')
  if (kind === 'json') return readJson(read.toString(ascii ? 'latin1' : 'utf8'), parameters)
  if (kind === 'multipart') return readMultipart(read, contentType ?? '', parameters)
  readForm(read.toString('latin1'), parameters, ascii)
}

/**
 * Reads the client from HTTP Basic (RFC 6749 §2.3.1) or an assertion (RFC 7523 §2.2); both must agree with the
 * parameters.
 */
function readClientAuthentication(parts: RequestParts, parameters: RoutingParameters): void {
  const { authorization } = parts
  if (authorization !== undefined && /^basic /i.test(authorization)) {
    const decoded = Buffer.from(authorization.slice(6).trim(), 'base64')
    if (!isUtf8(decoded) || decoded.includes(0)) parameters.addFault('malformed_request')
    else {
      parameters.nextPlace()
      const text = decoded.toString('utf8')
      const colon = text.indexOf(':')
      parameters.add('client_id', colon < 0 ? text : text.slice(0, colon))
    }
  }
  const assertion = parameters.get('client_assertion')
  if (assertion === undefined) return
  const subject = claimsOf(assertion)?.['sub']
  parameters.nextPlace()
  if (typeof subject === 'string') parameters.add('client_id', subject)
  else parameters.addUnreadable('client_id')
}

interface PresentedCredential {
  /** One value, or all values of a repeated parameter. */
  readonly values: readonly string[]
  readonly type: PresentedType
}

/** Returns the credentials in the request, most significant first; more than one if a server may use either. */
function presentedCredentials(parts: RequestParts, parameters: RoutingParameters): readonly PresentedCredential[] {
  switch (parts.endpoint) {
    case 'token':
      return credentialsOfGrant(parameters)
    case 'revoke':
      return found(parameters.all('token'), 'any_token')
    case 'introspect': {
      const token = found(parameters.all('token'), 'any_token')
      return token.length > 0 ? token : found(bearerOf(parts, parameters), 'any_token')
    }
    case 'token_info':
    case 'userinfo':
      return found(bearerOf(parts, parameters), 'access_token')
    case 'authorize_native':
      return found(parameters.all('code'), 'authorization_code')
    case 'device':
      return found(parameters.all('user_code'), 'user_code')
    default:
      return []
  }
}

/** Returns the credential of the grant type; all that are present if the grant type is missing, repeated or unknown. */
function credentialsOfGrant(parameters: RoutingParameters): readonly PresentedCredential[] {
  const grants = parameters.all('grant_type')
  switch (grants.length === 1 ? grants[0] : undefined) {
    case 'authorization_code':
      return found(parameters.all('code'), 'authorization_code')
    case 'refresh_token':
      return found(parameters.all('refresh_token'), 'refresh_token')
    case 'urn:ietf:params:oauth:grant-type:device_code':
    case 'device_code':
      return found(parameters.all('device_code'), 'device_code')
    case 'urn:ietf:params:oauth:grant-type:token-exchange':
      return [
        ...found(parameters.all('subject_token'), 'any_token'),
        ...found(parameters.all('actor_token'), 'any_token'),
      ]
    case 'client_credentials':
    case 'password':
      return []
    default:
      return [
        ...found(parameters.all('code'), 'authorization_code'),
        ...found(parameters.all('refresh_token'), 'refresh_token'),
        ...found(parameters.all('device_code'), 'device_code'),
        ...found(parameters.all('subject_token'), 'any_token'),
      ]
  }
}

function found(values: readonly string[], type: PresentedType): readonly PresentedCredential[] {
  return values.length === 0 ? [] : [{ values, type }]
}

/**
 * Returns the bearer token in Doorkeeper's order: parameter, header (RFC 6750 §2.1), second parameter (recordings K004,
 * K005).
 */
function bearerOf(parts: RequestParts, parameters: RoutingParameters): readonly string[] {
  const inParameter = parameters.all('access_token')
  if (inParameter.length > 0) return inParameter
  const inHeaders = [bearerIn(parts.authorization), bearerIn(parts.otherAuthorization)].filter((one) => one !== '')
  return inHeaders.length > 0 ? inHeaders : parameters.all('bearer_token')
}

/**
 * Returns the bearer token of an introspection's caller (RFC 7662 §2.1); a client that authenticates itself takes
 * precedence.
 */
function callerOf(parts: RequestParts, parameters: RoutingParameters, marks: CredentialMarks): Facts['caller'] {
  if (parameters.get('client_id') !== undefined || parameters.get('token') === undefined) return undefined
  const [token] = bearerOf(parts, parameters)
  return token === undefined ? undefined : { token, issuer: issuerByMark(token, 'access_token', marks) }
}

function bearerIn(authorization: string | undefined): string {
  if (authorization === undefined || !/^bearer /i.test(authorization)) return ''
  const token = authorization.slice(7)
  return token.trim() === '' ? '' : token
}

interface Issuer {
  readonly credential: Facts['credential']
  readonly value: string | undefined
  readonly type: PresentedType | undefined
}

/**
 * Returns the side of the first credential, and that credential; among several, an IAM credential decides, because it
 * must never be sent elsewhere.
 */
function issuerOf(presented: readonly PresentedCredential[], marks: CredentialMarks): Issuer {
  let first: Issuer | undefined
  for (const { values, type } of presented) {
    for (const value of values) {
      const credential = issuerByMark(value, type, marks)
      if (credential === 'iam') return { credential, value, type }
      first ??= { credential, value, type }
    }
  }
  return first ?? { credential: 'none', value: undefined, type: undefined }
}

/**
 * Returns the side that issued a credential according to its prefix, or the `iss` of a JWT. Both are unverified and
 * only suitable to choose a side.
 */
export function issuerByMark(value: string, type: PresentedType, marks: CredentialMarks): 'iam' | 'legacy' | 'unknown' {
  if (type === 'user_code') return 'unknown'
  const prefixes = type === 'any_token' ? ANY_TOKEN_PREFIXES : [IAM_PREFIXES[type as keyof typeof IAM_PREFIXES]]
  for (const prefix of prefixes) if (value.startsWith(prefix)) return 'iam'
  for (const prefix of marks.extraIamPrefixes) if (value.startsWith(prefix)) return 'iam'
  if (marks.iamJwtIssuer === undefined && marks.legacyJwtIssuer === undefined) return 'unknown'
  const issuer = claimsOf(value)?.['iss']
  if (typeof issuer !== 'string') return 'unknown'
  if (issuer === marks.iamJwtIssuer) return 'iam'
  return issuer === marks.legacyJwtIssuer ? 'legacy' : 'unknown'
}

/**
 * How far this clock may be ahead of IAM's: an expired verifier goes to IAM, which reports it; anywhere else it means
 * nothing.
 */
const CLOCK_LEEWAY_SECONDS = 330

const ANY_TOKEN_PREFIXES = [IAM_PREFIXES.access_token, IAM_PREFIXES.refresh_token]

/** Returns the claims of a JWT, unverified: only suitable to choose a side. */
function claimsOf(token: string): Record<string, unknown> | undefined {
  if (token.length > MAX_SCANNED_JWT) return undefined
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  try {
    const text = Buffer.from(parts[1] ?? '', 'base64url').toString('utf8')
    if (scanJson(text) === 'too_much') return undefined
    const claims: unknown = JSON.parse(text)
    return claims !== null && typeof claims === 'object' ? (claims as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function carriesGenuineVerifier(parameters: RoutingParameters, marks: CredentialMarks, now: number): boolean {
  const key = marks.verifierKey
  if (key === undefined) return false
  const signedBy = now - CLOCK_LEEWAY_SECONDS
  const login = parameters.get('login_verifier')
  if (login !== undefined && isGenuineVerifier('login', login, key, signedBy)) return true
  const consent = parameters.get('consent_verifier')
  return consent !== undefined && isGenuineVerifier('consent', consent, key, signedBy)
}

function flowIn(parts: RequestParts, parameters: RoutingParameters): string | undefined {
  if (parts.endpoint !== 'authorize' || !parameters.isFlowClear) return undefined
  // A verifier continues a flow; next to it, a client identifies none.
  if (parameters.get('login_verifier') !== undefined || parameters.get('consent_verifier') !== undefined)
    return undefined
  return flowOf(parameters.get('client_id'), parameters.get('redirect_uri'), parameters.get('state'))
}

/**
 * The consent form of the monolith carries Rails's form token and posts back to the endpoint that showed it, so its
 * submission belongs to legacy whatever the flag says by then. A forger gains nothing by being routed to legacy.
 */
function isAnswerToLegacyForm(parts: RequestParts, parameters: RoutingParameters): boolean {
  const isAnswer = parts.endpoint === 'authorize' && (parts.method === 'POST' || parts.method === 'DELETE')
  return isAnswer && parameters.get('authenticity_token') !== undefined
}

function hasHighCharacter(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7e) return true
  return false
}
