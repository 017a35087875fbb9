/** A request in the one spelling that all parsers read alike. */
export interface CanonicalRequest {
  readonly method: 'GET' | 'POST'
  /** The target as sent, in origin form. */
  readonly url: string
  readonly httpVersion: '1.1'
  /** Names as spelled and values alternate. */
  readonly rawHeaders: readonly string[]
  /** Shares memory with the bytes that were read; undefined if there is none or it is incomplete. */
  readonly body: Buffer | undefined
  /** Whether all of it has arrived; only the body may be incomplete. */
  readonly isWhole: boolean
  /** Whether the client did not request `Connection: close`. */
  readonly keepsAlive: boolean
}

const MAX_HEAD_BYTES = 16 << 10
const MAX_BODY_BYTES = 64 << 10

const SPACE = 0x20
const TAB = 0x09
const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
const SLASH = 0x2f

/** RFC 9110 §5.6.2. */
const TOKEN = classOf("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
const VISIBLE = classOf(String.fromCharCode(...Array.from({ length: 0x7e - 0x20 }, (_, index) => 0x21 + index)))
const TARGET = classOf(String.fromCharCode(...Array.from({ length: 0x7e - 0x20 }, (_, index) => 0x21 + index)), '#')

const GET = Buffer.from('GET ')
const POST = Buffer.from('POST ')
const VERSION = Buffer.from(' HTTP/1.1\r\n')

/**
 * Reads one request if `bytes` hold its complete head, nothing after the request, and it is canonical: GET without or
 * POST with a body of a plain length, origin form, CRLF line ends, one space after each colon, visible ASCII with
 * single spaces inside, no header about the connection except `keep-alive` or `close`. Returns undefined for anything
 * else, which another parser must judge.
 */
export function readCanonicalRequest(bytes: Buffer): CanonicalRequest | undefined {
  const isGet = startsWith(bytes, GET, 0)
  if (!isGet && !startsWith(bytes, POST, 0)) return undefined
  const targetAt = isGet ? GET.length : POST.length
  if (bytes[targetAt] !== SLASH) return undefined
  const targetEnd = spanOf(TARGET, bytes, targetAt)
  if (!startsWith(bytes, VERSION, targetEnd)) return undefined
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_HEAD_BYTES))
  const rawHeaders: string[] = []
  let length = -1
  let connection: string | undefined
  let at = targetEnd + VERSION.length
  while (bytes[at] !== CR) {
    const nameEnd = spanOf(TOKEN, bytes, at)
    const valueEnd = endOfValue(bytes, nameEnd)
    if (nameEnd === at || valueEnd < 0 || valueEnd > MAX_HEAD_BYTES) return undefined
    const name = text.slice(at, nameEnd)
    const value = text.slice(nameEnd + 2, valueEnd)
    switch (meaningOf(name)) {
      case 'content-length':
        if (length >= 0 || !PLAIN_LENGTH.test(value)) return undefined
        length = Number(value)
        break
      case 'connection':
        if (connection !== undefined || (value !== 'keep-alive' && value !== 'close')) return undefined
        connection = value
        break
      case 'foreign':
        return undefined
      default:
        break
    }
    rawHeaders.push(name, value)
    at = valueEnd + 2
  }
  if (bytes[at + 1] !== LF || isGet !== length < 0 || length > MAX_BODY_BYTES) return undefined
  const bodyAt = at + 2
  const end = isGet ? bodyAt : bodyAt + length
  if (bytes.length > end) return undefined
  const isWhole = bytes.length === end
  return {
    method: isGet ? 'GET' : 'POST',
    url: text.slice(targetAt, targetEnd),
    httpVersion: '1.1',
    rawHeaders,
    body: isGet || !isWhole ? undefined : bytes.subarray(bodyAt, end),
    isWhole,
    keepsAlive: connection !== 'close',
  }
}

const PLAIN_LENGTH = /^(?:0|[1-9][0-9]{0,5})$/

type Meaning = 'content-length' | 'connection' | 'foreign' | 'none'

/** Headers that frame a message or change the connection; a request with a `foreign` one goes to another parser. */
const MEANINGS = new Map<string, Meaning>([
  ['content-length', 'content-length'],
  ['connection', 'connection'],
  ['transfer-encoding', 'foreign'],
  ['expect', 'foreign'],
  ['upgrade', 'foreign'],
  ['trailer', 'foreign'],
  ['te', 'foreign'],
  ['keep-alive', 'foreign'],
  ['proxy-connection', 'foreign'],
  ['http2-settings', 'foreign'],
])
const MEANINGFUL_LENGTHS = new Set([...MEANINGS.keys()].map((name) => name.length))

function meaningOf(name: string): Meaning {
  return MEANINGFUL_LENGTHS.has(name.length) ? (MEANINGS.get(name.toLowerCase()) ?? 'none') : 'none'
}

/**
 * Returns the end of the value after the colon at `colon`: exactly one space before it, CRLF after it. Returns -1
 * otherwise.
 */
function endOfValue(bytes: Buffer, colon: number): number {
  if (bytes[colon] !== COLON || bytes[colon + 1] !== SPACE) return -1
  let at = colon + 2
  for (;;) {
    const end = spanOf(VISIBLE, bytes, at)
    if (end === at) return -1
    const next = bytes[end]
    if (next !== SPACE && next !== TAB) return next === CR && bytes[end + 1] === LF ? end : -1
    at = end + 1
  }
}

function spanOf(kind: Uint8Array, bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && kind[bytes[at] as number] === 1) at++
  return at
}

function startsWith(bytes: Buffer, prefix: Buffer, from: number): boolean {
  for (let at = 0; at < prefix.length; at++) if (bytes[from + at] !== prefix[at]) return false
  return true
}

function classOf(members: string, without = ''): Uint8Array {
  const kind = new Uint8Array(256)
  for (const member of members) if (!without.includes(member)) kind[member.charCodeAt(0)] = 1
  return kind
}
