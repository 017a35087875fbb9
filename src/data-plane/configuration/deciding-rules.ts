import { IAM_PREFIXES } from '../../credentials/index.ts'
import { STATE_KEY } from '../maps/routing-map.ts'
import { BLANK_FLOW_PARAMETER, PLAIN_BASIC, PLAIN_FORM, REPEATS } from './plain-form.ts'

/** What the rules for OAuth requests depend on. */
export interface DecidingSettings {
  /** The path of the routing map's file. */
  readonly mapFile: string
  readonly extraIamPrefixes: readonly string[]
  /** Whether the issuer of a credential may show in the `iss` of a JWT, which HAProxy does not read. */
  readonly hasJwtIssuers: boolean
  /** Whether HAProxy may answer requests to the authorize endpoint. */
  readonly decidesAuthorize: boolean
  readonly bodyMs: number
}

/** A longer query or form goes to the gateway; it could also have more parameters than any server reads. */
const MOST_FORM_BYTES = 8_192

const READ = '{ var(txn.read) -m bool }'
const UNREAD = 'http-request unset-var(txn.read) if'
const UNDECIDED = '!{ var(txn.reason) -m found }'

/**
 * The rules that decide OAuth requests as `decide()` does. A request that HAProxy can read without a doubt has `txn.read`
 * set, and then `txn.reason`; every other request goes to the gateway. Each rule takes `txn.read` away from what it
 * cannot judge, so a case that is forgotten here is decided by the gateway.
 */
export function decidingRules(settings: DecidingSettings): string[] {
  const programs = `http-request set-var(txn.for_programs) bool(true) if ${READ} is_form`
  return [...admission(settings), programs, ...reading(), ...credentials(settings), ...decisions(settings)]
}

/** Heads that need the gateway, for their body, their origin, or the marks in their cookies. */
const UNPLAIN_HEAD = [
  '{ req.fhdr(transfer-encoding) -m found }',
  '{ req.fhdr(content-encoding) -m found }',
  '{ req.fhdr(expect) -m found }',
  '{ req.fhdr(upgrade) -m found }',
  '{ req.fhdr(origin) -m found }',
  '{ req.fhdr(x-handover-probe) -m found }',
  '{ req.fhdr(cookie) -m sub _handover_ }',
  '{ req.fhdr_cnt(authorization) gt 1 }',
]

/** Which requests HAProxy reads: plain heads and plain forms. */
function admission({ bodyMs, decidesAuthorize }: DecidingSettings): string[] {
  const form = [
    'METH_POST',
    "{ req.fhdr(content-type) -m reg -i '^application/x-www-form-urlencoded(?:; ?charset=utf-8)?$' }",
    '{ req.fhdr_cnt(content-type) eq 1 } { req.fhdr_cnt(content-length) eq 1 }',
    `{ req.hdr_val(content-length) 1:${MOST_FORM_BYTES} } !{ query -m found }`,
  ].join(' ')
  const page = [
    'METH_GET',
    '!{ req.hdr_val(content-length) gt 0 } !{ req.fhdr(authorization) -m found }',
    `!{ query -m len gt ${MOST_FORM_BYTES} } { query -m reg '${PLAIN_FORM}' }`,
  ].join(' ')
  return [
    `http-request set-var(txn.read) bool(true) if is_form !{ var(txn.gateway) -m bool } ${form}`,
    ...(decidesAuthorize
      ? [`http-request set-var(txn.read) bool(true) if is_authorize !{ var(txn.gateway) -m bool } ${page}`]
      : []),
    ...UNPLAIN_HEAD.map((condition) => `${UNREAD} ${READ} ${condition}`),
    `http-request wait-for-body time ${bodyMs}ms if ${READ} is_form`,
    `${UNREAD} ${READ} is_form !{ req.body -m reg '${PLAIN_FORM}' }`,
    `${UNREAD} ${READ} is_form { req.body -m reg '${REPEATS}' }`,
    `${UNREAD} ${READ} is_authorize { query -m reg '${REPEATS}' }`,
    `${UNREAD} ${READ} is_authorize { query -m reg '${BLANK_FLOW_PARAMETER}' }`,
  ]
}

/** The client, from the form or query, or from HTTP Basic. */
function reading(): string[] {
  const basic = `${READ} is_form { req.fhdr(authorization) -m found }`
  return [
    `http-request set-var(txn.client) url_param(client_id) if ${READ} is_authorize`,
    `http-request set-var(txn.client) req.body_param(client_id) if ${READ} is_form`,
    `http-request set-var(txn.basic) 'req.fhdr(authorization),field(2," "),b64dec' if ${basic} { req.fhdr(authorization) -m reg '^Basic [A-Za-z0-9+/]+={0,2}$' }`,
    `${UNREAD} ${basic} !{ var(txn.basic) -m reg '${PLAIN_BASIC}' }`,
    // Two places may agree or differ; the gateway compares them.
    `${UNREAD} ${basic} { var(txn.client) -m found }`,
    `http-request set-var(txn.client) var(txn.basic),field(1,:) if ${basic}`,
    `${UNREAD} ${READ} { var(txn.client) -m len gt 255 }`,
    `${UNREAD} ${READ} is_form { req.body_param(client_assertion) -m found }`,
    `${UNREAD} ${READ} is_authorize { url_param(client_assertion) -m found }`,
    `${UNREAD} ${READ} is_authorize { url_param(login_verifier) -m found }`,
    `${UNREAD} ${READ} is_authorize { url_param(consent_verifier) -m found }`,
  ]
}

/** The credential of the grant, and its issuer. */
function credentials({ extraIamPrefixes, hasJwtIssuers }: DecidingSettings): string[] {
  const token = `${READ} is_token`
  const grant = (text: string) => `{ var(txn.grant) -m str ${text} }`
  const device = "{ var(txn.grant) -m reg '(?:^|:|%3[Aa])device_code$' }"
  const parameters: ReadonlyArray<readonly [grant: string, parameter: string, prefix: string]> = [
    [grant('authorization_code'), 'code', IAM_PREFIXES.authorization_code],
    [grant('refresh_token'), 'refresh_token', IAM_PREFIXES.refresh_token],
    [device, 'device_code', IAM_PREFIXES.device_code],
  ]
  return [
    `http-request set-var(txn.grant) req.body_param(grant_type) if ${token}`,
    ...parameters.flatMap(([isGrant, parameter, prefix]) => [
      `http-request set-var(txn.credential) req.body_param(${parameter}) if ${token} ${isGrant}`,
      `http-request set-var(txn.issuer) str(iam) if ${token} ${isGrant} { var(txn.credential) -m beg ${[prefix, ...extraIamPrefixes].join(' ')} }`,
    ]),
    // A grant without its credential, and grants that HAProxy does not know.
    `${UNREAD} ${token} !{ var(txn.credential) -m found } !${grant('client_credentials password')}`,
    ...(hasJwtIssuers ? [`${UNREAD} ${READ} { var(txn.credential) -m sub . } !{ var(txn.issuer) -m found }`] : []),
  ]
}

/** The rows of the decision table, first match wins. */
function decisions({ mapFile }: DecidingSettings): string[] {
  const undecided = `${READ} ${UNDECIDED}`
  const reason = (name: string, when: string) =>
    `http-request set-var(txn.reason) str(${name}) if ${undecided}${when === '' ? '' : ` ${when}`}`
  const flagIsOn = '{ var(txn.application),field(2,:),sub(txn.limit) lt 0 }'
  return [
    `http-request set-var(txn.state) 'str(${STATE_KEY}),map_str(${mapFile})' if ${READ}`,
    `http-request set-var(txn.limit) var(txn.state),field(1,:) if ${READ}`,
    `http-request set-var(txn.application) var(txn.client),map_str(${mapFile}) if ${READ} { var(txn.client) -m found }`,
    reason('brake', '!{ var(txn.credential) -m found } { var(txn.state),field(2,:) -m str on }'),
    reason('credential_issuer', '{ var(txn.issuer) -m found }'),
    reason('credential_unknown', '{ var(txn.credential) -m found }'),
    reason('client_id_missing', '!{ var(txn.client) -m found }'),
    // Without a map entry for all applications nothing is known: legacy.
    reason('routing_unavailable', '!{ var(txn.state) -m found }'),
    reason('routing_unavailable', '{ var(txn.state),field(3,:) -m str unavailable }'),
    `${UNREAD} ${undecided} !{ var(txn.application) -m found } { var(txn.state),field(3,:) -m str gateway }`,
    reason('unknown_client', '!{ var(txn.application) -m found }'),
    reason('flag_disabled', `!${flagIsOn}`),
    reason('application_not_arrived', '!{ var(txn.application),field(3,:) -m str 1 }'),
    reason('iam_unavailable', '!{ srv_is_up(iam_new/iam) }'),
    // Its cookies could not be those of legacy and of IAM at once, so its retry at legacy needs the gateway.
    `${UNREAD} ${undecided} { req.fhdr(cookie) -m found }`,
    reason('flag_enabled', ''),
  ]
}
