import { PROBE_MARK_HEADER } from '../../credentials/index.ts'
import { PEER_HEADER } from '../transport/peers.ts'

/** What the gateway does with a header: forward it, drop it, or apply a specific rule. */
export type HeaderRule =
  | 'pass'
  | 'drop'
  | 'host'
  | 'cookie'
  | 'request_id'
  | 'for'
  | 'forwarded_host'
  | 'proto'
  | 'forwarded'
  /** Describes the origin of the connection; trusted only from a trusted proxy. */
  | 'origin'
  | 'set_cookie'
  | 'location'

/** RFC 9110 §7.6.1, and the headers of RFC 9112 that belong to one connection. The gateway itself answers `Expect`. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]

const REQUEST_RULES = new Map<string, HeaderRule>([
  ...HOP_BY_HOP.map((name) => [name, 'drop'] as const),
  [PROBE_MARK_HEADER, 'drop'],
  [PEER_HEADER, 'drop'],
  ['host', 'host'],
  ['cookie', 'cookie'],
  ['x-request-id', 'request_id'],
  ['x-forwarded-for', 'for'],
  ['x-forwarded-host', 'forwarded_host'],
  ['x-forwarded-proto', 'proto'],
  ['forwarded', 'forwarded'],
  ['x-real-ip', 'origin'],
  ['client-ip', 'origin'],
  ['x-client-ip', 'origin'],
  ['true-client-ip', 'origin'],
  // Ordinary headers, but an upstream that reads `_` as `-` would accept an alias of them.
  ['content-length', 'pass'],
  ['content-type', 'pass'],
  ['content-encoding', 'pass'],
  ['x-http-method-override', 'pass'],
])

const RESPONSE_RULES = new Map<string, HeaderRule>([
  ...HOP_BY_HOP.map((name) => [name, 'drop'] as const),
  ['set-cookie', 'set_cookie'],
  ['location', 'location'],
  ['content-location', 'location'],
  ['refresh', 'location'],
])

/** The lengths of the names in {@link RESPONSE_RULES}: most names of responses have another. */
const RESPONSE_LENGTHS = new Set([...RESPONSE_RULES.keys()].map((name) => name.length))

/** Names are cached as spelled; the bound keeps a client from filling memory with invented names. */
const CACHE_LIMIT = 2_000
const requestCache = new Map<string, HeaderRule>()
const responseCache = new Map<string, HeaderRule>()

/** Returns the rule for a request header, in any case. */
export function requestRule(name: string): HeaderRule {
  return requestCache.get(name) ?? remember(requestCache, name, findRequestRule(name.toLowerCase()))
}

/** Returns the rule for a response header, in any case. */
export function responseRule(name: string): HeaderRule {
  if (!RESPONSE_LENGTHS.has(name.length)) return 'pass'
  return responseCache.get(name) ?? remember(responseCache, name, RESPONSE_RULES.get(name.toLowerCase()) ?? 'pass')
}

function remember(cache: Map<string, HeaderRule>, name: string, rule: HeaderRule): HeaderRule {
  if (cache.size < CACHE_LIMIT) cache.set(name, rule)
  return rule
}

function findRequestRule(name: string): HeaderRule {
  const known = REQUEST_RULES.get(name)
  if (known) return known
  // CGI, and thus Rack, reads `_` in a name as `-`; an alias of a header with a rule must not bypass the rule.
  const dashed = name.replaceAll('_', '-')
  if (dashed.startsWith('gitlab-workhorse') || dashed.startsWith('gitlab-iam-')) return 'drop'
  if (name.startsWith('x-forwarded-')) return 'origin'
  if (dashed !== name && (REQUEST_RULES.has(dashed) || dashed.startsWith('x-forwarded-'))) return 'drop'
  return 'pass'
}

/**
 * Returns the other headers that a `Connection` value names (RFC 9110 §7.6.1), in lower case; undefined if there are
 * none. Never contains `Content-Length` and `Host`: the framing and the address of a message are not specific to one
 * hop.
 */
export function namedInConnection(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined
  let named: Set<string> | undefined
  for (const token of value.split(',')) {
    const name = token.trim().toLowerCase()
    if (name === '' || KEPT.has(name)) continue
    named ??= new Set()
    named.add(name)
  }
  return named
}

const KEPT = new Set(['keep-alive', 'close', 'upgrade', 'content-length', 'host'])
