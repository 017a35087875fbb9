/**
 * The header rules of the gateway (`gateway/headers/`) in HAProxy's terms, for the requests that HAProxy sends to a side
 * by itself. HAProxy has header names in lower case.
 */

/** Names that no client may send and that belong to one hop. Rack, as all of CGI, reads an underscore as a dash. */
const DROPPED = [
  'gitlab[-_]workhorse.*',
  'gitlab[-_]iam[-_].*',
  'x[-_]handover[-_](?:probe|peer)',
  'keep-alive',
  'proxy-(?:connection|authenticate|authorization)',
  'te',
  'trailer',
]
/** Headers that have a rule; a name that differs in underscores alone would be read as one of them. */
const RULED = [
  'x[-_]forwarded[-_].*',
  'x[-_](?:request[-_]id|real[-_]ip|client[-_]ip|http[-_]method[-_]override)',
  '(?:true[-_])?client[-_]ip',
  'content[-_](?:length|type|encoding)',
  'transfer[-_]encoding',
  'keep[-_]alive',
  'proxy[-_](?:connection|authenticate|authorization)',
]
/** Describe where a request comes from; believed from a trusted proxy only. */
const ORIGIN = ['x-forwarded-.*', 'x-real-ip', '(?:x-|true-)?client-ip']

const ALIASES = `(?=[^_]*_)(?:${RULED.join('|')})`
const FROM_ANYONE = `^(?:${[...DROPPED, ALIASES, ...ORIGIN].join('|')})$`
const FROM_TRUSTED = `^(?:${[...DROPPED, ALIASES].join('|')})$`

/** A side that a request goes to or a response comes from. */
export type Side = 'legacy' | 'iam'

const IAM_NAME = '(?:__Host-|__Secure-)?_iam_'
const GATEWAY_NAME = '_handover_'

/** What the header rules depend on. */
export interface HeaderRuleSettings {
  /** Whether there are two sides, so that each has cookies of its own. */
  readonly hasIam: boolean
  /** Addresses and ranges of trusted proxies. */
  readonly trustedProxies: readonly string[]
  /** `host` and `host:port` of both sides, which no client may see. */
  readonly internalHosts: readonly string[]
}

/** The rules for requests to one side. Each needs `txn.request_id`, set by {@link originVariables}. */
export function requestRules(side: Side, { hasIam, trustedProxies }: HeaderRuleSettings): string[] {
  const trusts = trustedProxies.length > 0
  const unlessTrusted = trusts ? ' if !{ var(txn.trusted) -m bool }' : ''
  const dropping = trusts
    ? [
        `http-request del-header '${FROM_TRUSTED}' -m reg if { var(txn.trusted) -m bool }`,
        `http-request del-header '${FROM_ANYONE}' -m reg if !{ var(txn.trusted) -m bool }`,
        "http-request set-header X-Forwarded-For '%[req.fhdr(x-forwarded-for)], %[src]' if { var(txn.trusted) -m bool } { req.fhdr(x-forwarded-for) -m found }",
        'http-request set-header X-Forwarded-For %[src] if { var(txn.trusted) -m bool } !{ req.fhdr(x-forwarded-for) -m found }',
        'http-request set-header X-Forwarded-Host %[req.hdr(host)] if { var(txn.trusted) -m bool } !{ req.hdr(x-forwarded-host) -m found }',
        'http-request set-header X-Forwarded-Proto %[var(txn.scheme)] if { var(txn.trusted) -m bool } !{ req.hdr(x-forwarded-proto) -m found }',
      ]
    : [`http-request del-header '${FROM_ANYONE}' -m reg`]
  return [
    ...dropping,
    `http-request set-header X-Forwarded-For %[src]${unlessTrusted}`,
    `http-request set-header X-Forwarded-Host %[req.hdr(host)]${unlessTrusted}`,
    `http-request set-header X-Forwarded-Proto %[var(txn.scheme)]${unlessTrusted}`,
    'http-request set-header X-Request-Id %[var(txn.request_id)]',
    ...(hasIam ? cookieRules(side) : []),
  ]
}

function cookieRules(side: Side): string[] {
  if (side === 'iam') {
    // A request with a cookie that IAM may see goes through the gateway.
    return ['http-request del-header Cookie']
  }
  const foreign = `(?:^|;)[ \\t]*(?:${IAM_NAME}|${GATEWAY_NAME})[^;]*`
  return [
    `http-request set-header Cookie '%[req.fhdr(cookie),regsub("${foreign}","",g),regsub("^[; \\t]+","")]' if { req.fhdr(cookie) -m sub _iam_ ${GATEWAY_NAME} }`,
    'http-request del-header Cookie if { req.fhdr(cookie) -m len 0 }',
  ]
}

/** The rules for responses of one side. They need the variables of {@link originVariables}. */
export function responseRules(side: Side, { hasIam, internalHosts }: HeaderRuleSettings): string[] {
  const host = internalHosts.map((one) => one.replace(/[.[\]]/g, '\\$&')).join('|')
  const address = `(?i:(?:https?:)?//(?:[^/?#"\\x27]*@)?(?:${host}))(?=[/?#"\\x27]|$)(.*)$`
  const origin = '%[var(txn.scheme)]://%[var(txn.host)]'
  const inner = internalHosts.join(' ')
  const lead = '[ \\t]*(?:[0-9]+(?:[.][0-9]*)?[ \\t]*[;,][ \\t]*(?:(?i:url)[ \\t]*=[ \\t]*)?["\\x27]?)?'
  const replaced = (name: string) =>
    `http-response replace-header ${name} '^(${lead})${address}' '\\1${origin}\\2' if { res.fhdr(${name}) -m sub -i ${inner} }`
  // The alternative to a cookie that this side may not set is an empty one, which a browser ignores: HAProxy removes
  // headers by their name only.
  const foreign = side === 'legacy' ? `(?:${IAM_NAME}|${GATEWAY_NAME})` : `(?!${IAM_NAME})`
  const one = '{ res.fhdr_cnt(set-cookie) eq 1 }'
  const marked = `{ res.fhdr(set-cookie) -m reg '^[ \\t]*${foreign}' }`
  return [
    "http-response del-header '^(?:keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|te|trailer)$' -m reg",
    'http-response del-header upgrade if !{ status 101 }',
    'http-response del-header connection if !{ status 101 }',
    ...(hasIam
      ? [
          `http-response del-header Set-Cookie if ${one} ${marked}`,
          `http-response replace-header Set-Cookie '^[ \\t]*${foreign}.*$' '%[var(txn.nothing)]' if { res.fhdr_cnt(set-cookie) gt 1 }`,
        ]
      : []),
    ...['Location', 'Content-Location', 'Refresh'].map(replaced),
  ]
}

/** Sets what the rules of both directions need: the request's id, the scheme and host that the client sees. */
export function originVariables({ trustedProxies }: HeaderRuleSettings): string[] {
  const own = [
    'http-request set-var(txn.request_id) uuid()',
    'http-request set-var(txn.host) req.hdr(host)',
    'http-request set-var(txn.scheme) str(http)',
    'http-request set-var(txn.scheme) str(https) if { ssl_fc }',
  ]
  if (trustedProxies.length === 0) return own
  return [
    `http-request set-var(txn.trusted) bool(true) if { src ${trustedProxies.join(' ')} }`,
    ...own,
    'http-request set-var(txn.request_id) req.fhdr(x-request-id) if { var(txn.trusted) -m bool } { req.fhdr(x-request-id) -m reg ^[A-Za-z0-9_.:-]{1,255}$ }',
    'http-request set-var(txn.host) req.hdr(x-forwarded-host,1) if { var(txn.trusted) -m bool } { req.hdr(x-forwarded-host) -m found }',
    'http-request set-var(txn.scheme) req.hdr(x-forwarded-proto,1),lower if { var(txn.trusted) -m bool } { req.hdr(x-forwarded-proto) -m found }',
  ]
}
