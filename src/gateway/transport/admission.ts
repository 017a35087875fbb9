import { PROBE_MARK_HEADER } from '../../credentials/index.ts'

/** The parts of a request, as `node:http` parsed it, that its admission depends on. */
export interface ParsedHead {
  readonly method: string
  readonly url: string
  readonly httpVersion: string
  readonly rawHeaders: readonly string[]
}

/** The parts of the head of an admitted request. */
export interface Admitted {
  /** The target in origin form: path and query as sent. */
  readonly target: string
  readonly host: string
  readonly connection: string | undefined
  readonly contentType: string | undefined
  /** All Cookie headers, joined (RFC 9113 §8.2.3). */
  readonly cookie: string | undefined
  readonly authorization: string | undefined
  /** The last of several Authorization headers. */
  readonly otherAuthorization: string | undefined
  /** Content-Type or Authorization appears more than once. */
  readonly hasRepeatedHeader: boolean
  readonly hasBody: boolean
  /** What the header of a probe says, not yet verified. */
  readonly probeMark: string | undefined
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: 400 | 405 | 431
  readonly why: string
}

const MAX_HEADERS = 256

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::\d{0,5})?$/

/**
 * Checks what the strict parser leaves open and two servers could read differently (RFC 9112 §3.2, §6.1, §11.2): zero
 * or several hosts, a target for another host, transfer codings other than `chunked`, and too many headers. Returns the
 * relevant parts of the head, or the reason to refuse it.
 */
export function admit(head: ParsedHead): Admitted | Refusal {
  const { rawHeaders } = head
  if (rawHeaders.length > MAX_HEADERS * 2) return { status: 431, why: 'too many headers' }
  if (head.method === 'TRACE' || head.method === 'CONNECT') return { status: 405, why: 'method not allowed' }
  let host: string | undefined
  let connection: string | undefined
  let contentType: string | undefined
  let cookie: string | undefined
  let authorization: string | undefined
  let otherAuthorization: string | undefined
  let hasRepeatedHeader = false
  let hasBody = false
  let probeMark: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    const value = rawHeaders[at + 1] as string
    switch (watchedAs(name)) {
      case 'host':
        if (host !== undefined) return refuse('more than one Host')
        host = value
        break
      case 'connection':
        connection = connection === undefined ? value : `${connection}, ${value}`
        break
      case 'content-type':
        hasRepeatedHeader ||= contentType !== undefined
        contentType ??= value
        break
      case 'cookie':
        cookie = cookie === undefined ? value : `${cookie}; ${value}`
        break
      case 'authorization':
        if (authorization !== undefined) otherAuthorization = value
        authorization ??= value
        break
      case 'content-length':
        hasBody ||= value !== '0'
        break
      case 'transfer-encoding':
        if (!isUnderstood(head, value)) return refuse('Transfer-Encoding not understood')
        hasBody = true
        break
      case PROBE_MARK_HEADER:
        probeMark = value
        break
      default:
        break
    }
  }
  if (host === undefined ? head.httpVersion === '1.1' : !HOST.test(host)) return refuse('no usable Host')
  const target = originForm(head.url, host)
  if (target === undefined) return refuse('target not understood')
  return {
    target,
    host: withoutEmptyPort(host ?? ''),
    connection,
    contentType,
    cookie,
    authorization,
    otherAuthorization,
    hasRepeatedHeader: hasRepeatedHeader || otherAuthorization !== undefined,
    hasBody,
    probeMark,
  }
}

type Watched =
  | 'host'
  | 'connection'
  | 'content-type'
  | 'cookie'
  | 'authorization'
  | 'content-length'
  | 'transfer-encoding'
  | typeof PROBE_MARK_HEADER
  | 'other'

const WATCHED_NAMES = new Set<string>([
  'host',
  'connection',
  'content-type',
  'cookie',
  'authorization',
  'content-length',
  'transfer-encoding',
  PROBE_MARK_HEADER,
])
const WATCHED_LENGTHS = new Set([...WATCHED_NAMES].map((name) => name.length))
/** Keyed by spelling, so that common names cost one lookup; bounded, as clients can invent names. */
const WATCHED = new Map<string, Watched>()
const CACHE_LIMIT = 2_000

/** What a header means here; most have another length than those that mean anything. */
function watchedAs(name: string): Watched {
  return WATCHED_LENGTHS.has(name.length) ? (WATCHED.get(name) ?? watch(name)) : 'other'
}

function watch(name: string): Watched {
  const lower = name.toLowerCase()
  const watched = WATCHED_NAMES.has(lower) ? (lower as Watched) : 'other'
  if (WATCHED.size < CACHE_LIMIT) WATCHED.set(name, watched)
  return watched
}

/** No transfer coding but `chunked`, and none before HTTP/1.1 (RFC 9112 §6.1). */
function isUnderstood({ httpVersion }: ParsedHead, transferEncoding: string): boolean {
  return httpVersion === '1.1' && transferEncoding.toLowerCase() === 'chunked'
}

/** An empty port means the scheme's default (RFC 3986 §3.2.3). */
function withoutEmptyPort(host: string): string {
  return host.endsWith(':') ? host.slice(0, -1) : host
}

function refuse(why: string): Refusal {
  return { status: 400, why }
}

/**
 * Returns the origin form, also for an absolute form that names this host (RFC 9112 §3.2.2); undefined for anything
 * else.
 */
function originForm(url: string, host: string | undefined): string | undefined {
  if (url.includes('#')) return undefined
  if (url.startsWith('/')) return url
  const match = /^https?:\/\/([^/?]*)(.*)$/i.exec(url)
  if (!match || host === undefined || match[1]?.toLowerCase() !== host.toLowerCase()) return undefined
  const rest = match[2] ?? ''
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Whether this is a WebSocket handshake (RFC 6455 §4.1), the only upgrade that is tunnelled. */
export function isWebSocketHandshake(
  method: string,
  upgrade: string | undefined,
  rawHeaders: readonly string[],
): boolean {
  if (method !== 'GET' || upgrade === undefined || upgrade.trim().toLowerCase() !== 'websocket') return false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    if (name === 'transfer-encoding' || (name === 'content-length' && rawHeaders[at + 1] !== '0')) return false
  }
  return true
}
