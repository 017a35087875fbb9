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

const PROTOCOL = 'HTTP/1.'
/** Where the parts of a status line begin. */
const [MINOR_AT, CODE_AT, REASON_AT] = [7, 9, 13]
const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/
const CHUNKED = /^chunked$/i
const KEEP_ALIVE_TIMEOUT = /(?:^|[,;\s])timeout=([0-9]{1,6})/i
/** Subtracted from the keep-alive timeout of an upstream, so that it does not close just as the gateway sends. */
const KEEP_MARGIN_MS = 2_000

const NOTHING: Framing = { by: 'nothing' }
const CHUNKS: Framing = { by: 'chunks' }
const CLOSE: Framing = { by: 'close' }

const [TAB, LF, CR, SPACE, ZERO, ONE, COLON] = [0x09, 0x0a, 0x0d, 0x20, 0x30, 0x31, 0x3a]
/** The characters of names and of values, as bits (RFC 9110 §5.1, §5.5). */
const [IN_NAME, IN_VALUE] = [1, 2]
const CLASSES = Uint8Array.from({ length: 256 }, (_, code) => {
  const isInName = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code))
  const isInValue = code === TAB || (code >= SPACE && code !== 0x7f)
  return (isInName ? IN_NAME : 0) | (isInValue ? IN_VALUE : 0)
})

/**
 * Reads the head of a response to GET or POST, without its empty line. Returns undefined for anything ambiguous: lines
 * that do not end in CRLF, folded lines, control characters, repeated or malformed lengths, a length together with
 * chunks, codings other than `chunked`, and interim responses with HTTP/1.0, a
 * body, or the end of their connection.
 *
 * @param text one character per byte (latin1)
 */
export function readResponseHead(text: string): ResponseHead | undefined {
  const status = statusOf(text)
  const lineEnd = endOfValue(text, 0)
  if (status < 0 || !endsLine(text, lineEnd)) return undefined
  const isCurrent = text.charCodeAt(MINOR_AT) === ONE
  const raw: string[] = []
  let length: string | undefined
  let isChunked = false
  let isLast = !isCurrent
  let keepMs = Number.POSITIVE_INFINITY
  for (let at = lineEnd; at < text.length; ) {
    at = readFieldAt(text, at + 2, raw)
    if (at < 0) return undefined
    const name = raw[raw.length - 2] as string
    if (!FRAMING_LENGTHS.has(name.length)) continue
    const value = raw[raw.length - 1] as string
    switch (name.toLowerCase()) {
      case 'content-length':
        if (length !== undefined || !LENGTH.test(value)) return undefined
        length = value
        break
      case 'transfer-encoding':
        // llhttp does not read a coding with white space after it as `chunked`.
        if (isChunked || !isCurrent || !CHUNKED.test(value) || isBlank(text.charCodeAt(at - 1))) return undefined
        isChunked = true
        break
      case 'connection':
        if (value.toLowerCase() !== 'keep-alive') isLast = true
        break
      case 'keep-alive':
        keepMs = Math.min(keepMs, keepTime(value))
        break
      default:
        break
    }
  }
  if (isChunked && length !== undefined) return undefined
  // HTTP/1.0 has no interim responses (RFC 9110 §15.2); another response follows each, and none has a body (§8.6).
  if (status < 200 && (isLast || isChunked || length !== undefined)) return undefined
  const statusText = text.slice(REASON_AT, lineEnd)
  const framing = framingOf(status, isChunked, length)
  return { status, statusText, raw, framing, length, keepMs: isLast || framing.by === 'close' ? 0 : keepMs }
}

/** The status of `HTTP/1.x nnn`, followed by a space or the end of the line; -1 for anything else. */
function statusOf(text: string): number {
  const minor = text.charCodeAt(MINOR_AT)
  if (!text.startsWith(PROTOCOL) || (minor !== ZERO && minor !== ONE)) return -1
  if (text.charCodeAt(CODE_AT - 1) !== SPACE) return -1
  const after = text.charCodeAt(REASON_AT - 1)
  if (after !== SPACE && after !== CR && text.length >= REASON_AT) return -1
  let status = 0
  for (let at = CODE_AT; at < REASON_AT - 1; at++) {
    const digit = text.charCodeAt(at) - ZERO
    if (!(digit >= 0 && digit <= 9)) return -1
    status = status * 10 + digit
  }
  return status >= 100 ? status : -1
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
  const field: string[] = []
  return readFieldAt(line, 0, field) === line.length ? (field as [string, string]) : undefined
}

/**
 * Reads the line that begins at `start`, and adds its name and value to `raw`. Returns the position of its CRLF, or the
 * end of the text; -1 if it is malformed.
 */
function readFieldAt(text: string, start: number, raw: string[]): number {
  let colon = start
  while (colon < text.length && isOf(IN_NAME, text.charCodeAt(colon))) colon++
  if (colon === start || text.charCodeAt(colon) !== COLON) return -1
  const end = endOfValue(text, colon + 1)
  if (!endsLine(text, end)) return -1
  let from = colon + 1
  let to = end
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  raw.push(text.slice(start, colon), text.slice(from, to))
  return end
}

/** The position of the first character from `start` on that no value may contain; the end of the text if there is none. */
function endOfValue(text: string, start: number): number {
  let at = start
  while (at < text.length && isOf(IN_VALUE, text.charCodeAt(at))) at++
  return at
}

function endsLine(text: string, at: number): boolean {
  return at >= text.length || (text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF)
}

function isOf(bit: number, code: number): boolean {
  return ((CLASSES[code] as number) & bit) !== 0
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}
