import { FLOW_MARK_SECONDS } from '../../routing/index.ts'

/** The file with the digits of base 36, which HAProxy has no converter for. */
export const DIGITS_FILE = 'digits.map'

/** The content of {@link DIGITS_FILE}: `10 a` and so on. */
export function digitsFile(): string {
  return Array.from({ length: 36 }, (_, digit) => `${digit} ${digit.toString(36)}\n`).join('')
}

/** Sufficient until 2038, when seconds since the epoch need a seventh digit. */
const DIGITS = 6

/**
 * The rules that mark a flow as legacy's when legacy answers its first page, as `flowSetCookie` does. The request must
 * carry no mark yet, and `txn.client` must be set.
 *
 * @param directory where {@link DIGITS_FILE} is
 */
export function flowMarkRules(key: Uint8Array, directory: string): string[] {
  const hmac = `hmac(sha256,"${Buffer.from(key).toString('base64')}")`
  const digit = (at: number) =>
    `%[date(${FLOW_MARK_SECONDS.legacy}),div(${36 ** at}),mod(36),map_str(${directory}/${DIGITS_FILE})]`
  const expiry = Array.from({ length: DIGITS }, (_, index) => digit(DIGITS - 1 - index)).join('')
  const cookie = `_handover_flow_%[var(txn.slot)]=%[var(txn.claim)].%[var(txn.signature)]; Path=/oauth; Max-Age=${FLOW_MARK_SECONDS.legacy}; HttpOnly; SameSite=Lax`
  const marks = '{ var(txn.goes_on) -m bool }'
  const redirect = '{ status 300:399 }'
  return [
    'http-request set-var-fmt(txn.flow) "%[var(txn.client)]\\n%[url_param(redirect_uri),url_dec(1)]\\n%[url_param(state),url_dec(1)]" if { method GET } { var(txn.client) -m found }',
    'http-response set-var(txn.goes_on) bool(true) if { var(txn.flow) -m found } { status 200 }',
    `http-response set-var(txn.goes_on) bool(true) if { var(txn.flow) -m found } ${redirect} { res.fhdr(location) -m reg '^/(?![/\\\\])' }`,
    // An absolute address of this origin.
    `http-response set-var(txn.to_host) 'res.fhdr(location),field(3,/),field(1,?),field(1,"#")' if ${redirect} { res.fhdr(location) -m reg ^https?:// }`,
    `http-response set-var(txn.to_scheme) res.fhdr(location),field(1,:) if ${redirect} { res.fhdr(location) -m reg ^https?:// }`,
    `http-response set-var(txn.goes_on) bool(true) if { var(txn.flow) -m found } ${redirect} { var(txn.to_host),strcmp(txn.host) eq 0 } { var(txn.to_scheme),strcmp(txn.scheme) eq 0 }`,
    `http-response unset-var(txn.goes_on) if ${redirect} { res.fhdr(location) -m reg '/oauth/+authorize/native(?:[/?#.]|$)' }`,
    `http-response set-var-fmt(txn.claim) "l${expiry}" if ${marks}`,
    `http-response set-var-fmt(txn.signed) "handover flow mark\\n%[var(txn.claim)]\\n%[var(txn.flow)]" if ${marks}`,
    `http-response set-var(txn.signature) 'var(txn.signed),${hmac},bytes(0,16),ub64enc' if ${marks}`,
    `http-response set-var-fmt(txn.signed) "handover flow slot\\n%[var(txn.flow)]" if ${marks}`,
    `http-response set-var(txn.slot) 'var(txn.signed),${hmac},bytes(0,1),be2dec("",1),mod(8)' if ${marks}`,
    `http-response add-header Set-Cookie "${cookie}" if ${marks} !{ var(txn.scheme) -m str https }`,
    `http-response add-header Set-Cookie "${cookie}; Secure" if ${marks} { var(txn.scheme) -m str https }`,
  ]
}
