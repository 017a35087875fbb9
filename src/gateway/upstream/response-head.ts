/** How the end of a response body is determined (RFC 9112 §6.3). */
export type Framing =
  | { readonly by: 'nothing' }
  | { readonly by: 'length'; readonly length: number }
  | { readonly by: 'chunks' }
  | { readonly by: 'close' }

/** A response head that is unambiguous HTTP/1.1. */
export interface ResponseHead {
  readonly status: number
  readonly statusText: string
  /** Names and values alternate, one character per byte. */
  readonly raw: string[]
  readonly framing: Framing
  /** The Content-Length as sent. */
  readonly length: string | undefined
  /**
   * How long the connection may be kept for another request, in milliseconds, as the response limits it; 0 forbids
   * reuse.
   */
  readonly keepMs: number
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: (.*))?$/
/** Everything except visible characters, spaces, tabs and bytes above ASCII (RFC 9110 §5.5). */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/
const CHUNKED = /^chunked$/i
const KEEP_ALIVE_TIMEOUT = /(?:^|[,;\s])timeout=([0-9]{1,6})/i
/** Subtracted from the keep-alive timeout of an upstream, so that it does not close just as the gateway sends. */
const KEEP_MARGIN_MS = 2_000

const NOTHING: Framing = { by: 'nothing' }
const CHUNKS: Framing = { by: 'chunks' }
const CLOSE: Framing = { by: 'close' }

/**
 * Reads the head of a response to GET or POST, without its empty line. Returns undefined for anything ambiguous: lines
 * that do not end in CRLF, folded lines, control characters, repeated or malformed lengths, a length together with
 * chunks, codings other than `chunked`.
 *
 * @param text one character per byte (latin1)
 */
export function readResponseHead(text: string): ResponseHead | undefined {
  let end = text.indexOf('\r\n')
  const [line, minor, code, statusText = ''] = STATUS_LINE.exec(end < 0 ? text : text.slice(0, end)) ?? []
  if (line === undefined || UNFIT.test(statusText)) return undefined
  const raw: string[] = []
  let length: string | undefined
  let isChunked = false
  let keepMs = minor === '1' ? Number.POSITIVE_INFINITY : 0
  while (end >= 0) {
    const from = end + 2
    end = text.indexOf('\r\n', from)
    const field = readField(end < 0 ? text.slice(from) : text.slice(from, end))
    if (field === undefined) return undefined
    const [name, value] = field
    raw.push(name, value)
    switch (FRAMING_LENGTHS.has(name.length) ? name.toLowerCase() : '') {
      case 'content-length':
        if (length !== undefined || !LENGTH.test(value)) return undefined
        length = value
        break
      case 'transfer-encoding':
        if (isChunked || minor !== '1' || !CHUNKED.test(value)) return undefined
        isChunked = true
        break
      case 'connection':
        if (value.toLowerCase() !== 'keep-alive') keepMs = 0
        break
      case 'keep-alive':
        keepMs = Math.min(keepMs, keepTime(value))
        break
      default:
        break
    }
  }
  if (isChunked && length !== undefined) return undefined
  const status = Number(code)
  const framing = framingOf(status, isChunked, length)
  return { status, statusText, raw, framing, length, keepMs: framing.by === 'close' ? 0 : keepMs }
}

const FRAMING_LENGTHS = new Set(
  ['content-length', 'transfer-encoding', 'connection', 'keep-alive'].map((n) => n.length),
)

function framingOf(status: number, isChunked: boolean, length: string | undefined): Framing {
  if (status < 200 || status === 204 || status === 304) return NOTHING
  if (isChunked) return CHUNKS
  return length === undefined ? CLOSE : { by: 'length', length: Number(length) }
}

function keepTime(value: string): number {
  const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1]
  return seconds === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Number(seconds) * 1_000 - KEEP_MARGIN_MS)
}

/** Parses one header or trailer line, without its line end. Returns undefined if it is malformed. */
export function readField(line: string): [name: string, value: string] | undefined {
  const colon = line.indexOf(':')
  if (colon < 1 || UNFIT.test(line)) return undefined
  const name = line.slice(0, colon)
  if (!isName(name)) return undefined
  let from = colon + 1
  let to = line.length
  while (from < to && isBlank(line.charCodeAt(from))) from++
  while (to > from && isBlank(line.charCodeAt(to - 1))) to--
  return [name, line.slice(from, to)]
}

/** Names already validated as tokens; bounded, because an upstream may send any number of names. */
const KNOWN_NAMES = new Set<string>()
const KNOWN_LIMIT = 1_000

function isName(name: string): boolean {
  if (KNOWN_NAMES.has(name)) return true
  if (!NAME.test(name)) return false
  if (KNOWN_NAMES.size < KNOWN_LIMIT) KNOWN_NAMES.add(name)
  return true
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
