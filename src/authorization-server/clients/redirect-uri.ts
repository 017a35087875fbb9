import { decodeFormComponent } from '../../parameters/index.ts'
import { encodeFormComponent } from '../parameters/encode.ts'

/** The redirect address of a client without one: the user copies the code from a page. */
export const OUT_OF_BAND = 'urn:ietf:wg:oauth:2.0:oob'

interface GenericUri {
  readonly scheme: string
  /** Includes the `@`; empty when there is none. */
  readonly userinfo: string
  readonly host: string | undefined
  /** As written; empty when absent. */
  readonly port: string
  readonly path: string
  readonly query: string | undefined
  readonly fragment: string | undefined
  /** What follows the scheme when it is not a slash. */
  readonly opaque: string | undefined
}

const URI =
  /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/((?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?(\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::(\d*))?((?:\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)*)|((?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*))(?:\?([ !"$-~]*))?(?:#(.*))?$/

/** Parses an absolute URI into its parts (RFC 3986); undefined for anything else. */
function parseUri(text: string): GenericUri | undefined {
  const match = text.length > 8_192 ? null : URI.exec(text)
  if (!match) return undefined
  const [, scheme = '', userinfo = '', host, port = '', path = '', rest, query, fragment] = match
  if (rest !== undefined && !rest.startsWith('/')) {
    return { scheme: scheme.toLowerCase(), userinfo, host: undefined, port, path: '', query, fragment, opaque: rest }
  }
  return { scheme: scheme.toLowerCase(), userinfo, host, port, path: rest ?? path, query, fragment, opaque: undefined }
}

/**
 * Whether `asked` matches a registered address: scheme and host are case-insensitive, the default port may be explicit,
 * a loopback address may use any port, and an extra query is allowed when none is registered (RFC 6749 §3.1.2.3, RFC
 * 8252 §7.3; docs/doorkeeper.md, 8). The same rules apply at the exchange, against the address of the authorization
 * request (19).
 */
export function isRedirectUriAmong(asked: string, registered: readonly string[]): boolean {
  if (asked === OUT_OF_BAND) return registered.includes(OUT_OF_BAND)
  const uri = parseUri(asked)
  return uri !== undefined && isUsable(uri) && registered.some((candidate) => matches(uri, parseUri(candidate)))
}

/**
 * Whether `asked` is identical to a registered address, except for the port of a loopback address (RFC 9700 §4.1.3, RFC
 * 8252 §7.3).
 */
export function isRedirectUriExactlyAmong(asked: string, registered: readonly string[]): boolean {
  return (
    isRedirectUriAmong(asked, registered) &&
    registered.some((candidate) => withoutPort(asked) === withoutPort(candidate))
  )
}

/** The address without its port when it is a loopback address. */
function withoutPort(address: string): string {
  return address.replace(/^(http:\/\/(?:127(?:\.\d{1,3}){3}|\[[0:]*:0{0,3}1\])):\d+(?=[/?]|$)/, '$1')
}

const RESERVED: ReadonlySet<string> = new Set([
  ...['code', 'state', 'iss', 'error', 'error_description', 'error_uri'],
  ...['access_token', 'id_token', 'response'],
])

/**
 * Whether the query of an address contains a parameter that belongs to the authorization response and that a client
 * would take as the server's (RFC 6749 §4.1.2; RFC 9700 §4.1.1).
 */
export function holdsReservedParameter(address: string): boolean {
  const query = parseUri(address)?.query
  return query !== undefined && pairsIn(query).some(([name]) => RESERVED.has(name.split('[', 1)[0] ?? ''))
}

function isUsable(uri: GenericUri): boolean {
  const isHypertext = uri.scheme === 'http' || uri.scheme === 'https'
  if (uri.scheme === 'localhost' || uri.fragment !== undefined || uri.opaque !== undefined) return false
  return !(isHypertext && (uri.host ?? '') === '')
}

function matches(asked: GenericUri, registered: GenericUri | undefined): boolean {
  if (registered === undefined || registered.opaque !== undefined || registered.fragment !== undefined) return false
  if (registered.query !== undefined && !isSameQuery(asked.query, registered.query)) return false
  const anyPort = isLoopbackHost(asked.host) && isLoopbackHost(registered.host)
  return (
    asked.scheme === registered.scheme &&
    asked.userinfo === registered.userinfo &&
    (asked.host ?? '').toLowerCase() === (registered.host ?? '').toLowerCase() &&
    (anyPort || portOf(asked) === portOf(registered)) &&
    (asked.path || '/') === (registered.path || '/')
  )
}

function isSameQuery(asked: string | undefined, registered: string): boolean {
  if (asked === undefined) return registered === ''
  return sortedPairs(asked) === sortedPairs(registered)
}

/** The pairs of a query, sorted; trailing ampersands are ignored. */
function sortedPairs(query: string): string {
  const pairs = query.split('&')
  while (pairs.at(-1) === '') pairs.pop()
  return pairs.sort().join('&')
}

function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false
  const octets = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host)
  if (octets) return octets.slice(1).every((octet) => Number(octet) < 256)
  return /^\[(?:0{1,4}:){7}0{0,3}1\]$|^\[::0{0,3}1\]$/.test(host)
}

function portOf(uri: GenericUri): string {
  if (uri.port !== '') return String(Number(uri.port))
  return DEFAULT_PORTS[uri.scheme] ?? ''
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443', ftp: '21', ws: '80', wss: '443' }

/**
 * Adds parameters to a redirect address, after its existing query or as its fragment. Omits blank ones (RFC 6749
 * §4.1.2; B003, B004, B005).
 */
export function appendToRedirectUri(
  address: string,
  fields: Readonly<Record<string, string | undefined>>,
  where: 'query' | 'fragment',
): string {
  const uri = parseUri(address)
  if (uri === undefined) throw new TypeError('the redirect URI was not checked')
  const added: Array<readonly [string, string]> = []
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value.trim() !== '') added.push([name, value])
  }
  const base = baseOf(uri)
  if (where === 'fragment') return `${base}${uri.query === undefined ? '' : `?${uri.query}`}#${encodePairs(added)}`
  const pairs = [...pairsOf(uri.query ?? ''), ...added]
  return `${base}?${encodePairs(pairs)}`
}

function baseOf(uri: GenericUri): string {
  if (uri.opaque !== undefined) return `${uri.scheme}:${uri.opaque}`
  const isDefault = uri.port === '' || String(Number(uri.port)) === DEFAULT_PORTS[uri.scheme]
  const authority = uri.host === undefined ? '' : `//${uri.userinfo}${uri.host}${isDefault ? '' : `:${uri.port}`}`
  return `${uri.scheme}:${authority}${uri.path}`
}

/** The names and values of a query in order, grouped by name; blank values are dropped, as in Doorkeeper. */
function pairsOf(query: string): Array<readonly [string, string]> {
  const grouped = new Map<string, string[]>()
  for (const [name, value] of pairsIn(query)) {
    const values = grouped.get(name)
    if (values) values.push(value)
    else grouped.set(name, [value])
  }
  return [...grouped].flatMap(([name, values]) =>
    values.length > 1 || values[0]?.trim() !== '' ? values.map((value) => [name, value] as const) : [],
  )
}

function pairsIn(query: string): Array<readonly [string, string]> {
  const parts = query.split(/[&;] */).filter((part) => part !== '')
  return parts.map((part) => {
    const equals = part.indexOf('=')
    const name = decodeLoosely(equals < 0 ? part : part.slice(0, equals))
    return [name, equals < 0 ? '' : decodeLoosely(part.slice(equals + 1))] as const
  })
}

function decodeLoosely(text: string): string {
  return decodeFormComponent(text) ?? text
}

function encodePairs(pairs: ReadonlyArray<readonly [string, string]>): string {
  return pairs.map(([name, value]) => `${encodeFormComponent(name)}=${encodeFormComponent(value)}`).join('&')
}
