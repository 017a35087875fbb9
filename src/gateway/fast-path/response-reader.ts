import { type ResponseHead, readField, readResponseHead } from '../upstream/response-head.ts'

/** Receives the parts of a response as they are read. */
export interface ResponseSink {
  onInterim(head: ResponseHead): void
  onHead(head: ResponseHead): void
  /** A piece of the body; a copy that the receiver may keep. */
  onBody(piece: Buffer): void
}

/** `surplus`: the response is complete, and unrequested bytes follow it. */
export type Reading = 'more' | 'done' | 'surplus' | 'fault'

const MAX_HEAD_CHARS = 64 << 10
const MAX_LINE_CHARS = 16 << 10
/** RFC 9112 §7.1 and §7.1.1, without white space and escapes, which llhttp refuses. */
const CHUNK_SIZE =
  /^([0-9A-Fa-f]{1,8})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"[\t\x20\x21\x23-\x5b\x5d-\x7e]*"))?)*$/
/** The fast path never requests an upgrade, so an upstream that sends 101 is confused about the request. */
const SWITCHING_PROTOCOLS = 101
const LF = 0x0a

/** Reads one response after the other from a connection, strictly (RFC 9112); see {@link readResponseHead}. */
export class ResponseReader {
  readonly #sink: ResponseSink
  #phase: 'head' | 'length' | 'close' | 'size' | 'chunk' | 'chunk_end' | 'trailers' | 'done' = 'done'
  /** The start of an incomplete head or line. */
  #partial = ''
  #left = 0
  trailers: string[] = []
  /** How long the connection may be kept after this response, in milliseconds. */
  keepMs = 0

  constructor(sink: ResponseSink) {
    this.#sink = sink
  }

  /** Prepares for the next response. */
  begin(): void {
    this.#phase = 'head'
    this.#partial = ''
    this.trailers = []
  }

  /** Reads received bytes; the caller may reuse `bytes` afterwards. */
  read(bytes: Buffer): Reading {
    let at = 0
    while (this.#phase !== 'done') {
      if (at === bytes.length) return 'more'
      at = this.#step(bytes, at)
      if (at < 0) return 'fault'
    }
    return at === bytes.length ? 'done' : 'surplus'
  }

  /** Handles the end of the connection; returns whether the response ended with it. */
  end(): Reading {
    return this.#phase === 'close' ? 'done' : 'fault'
  }

  /** Continues at `at`; returns the position where it stopped, or -1 for a fault. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#phase) {
      case 'head':
        return this.#readHead(bytes, at)
      case 'length':
      case 'chunk':
        return this.#readPiece(bytes, at)
      case 'close':
        this.#sink.onBody(Buffer.from(bytes.subarray(at)))
        return bytes.length
      default:
        return this.#readLine(bytes, at)
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#partial.length
    const text = this.#partial + bytes.toString('latin1', at)
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3))
    if (end < 0 || end > MAX_HEAD_CHARS) {
      this.#partial = text
      return text.length > MAX_HEAD_CHARS ? -1 : bytes.length
    }
    this.#partial = ''
    const head = readResponseHead(text.slice(0, end))
    if (head === undefined || head.status === SWITCHING_PROTOCOLS) return -1
    if (head.status < 200) this.#sink.onInterim(head)
    else this.#begin(head)
    return at + end + 4 - before
  }

  #begin(head: ResponseHead): void {
    this.keepMs = head.keepMs
    const { framing } = head
    switch (framing.by) {
      case 'length':
        this.#left = framing.length
        this.#phase = framing.length === 0 ? 'done' : 'length'
        break
      case 'chunks':
        this.#phase = 'size'
        break
      case 'close':
        this.#phase = 'close'
        break
      case 'nothing':
        this.#phase = 'done'
        break
    }
    this.#sink.onHead(head)
  }

  #readPiece(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    if (this.#left === 0) this.#phase = this.#phase === 'length' ? 'done' : 'chunk_end'
    this.#sink.onBody(Buffer.from(bytes.subarray(at, end)))
    return end
  }

  #readLine(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LF, at)
    const end = lineEnd < 0 ? bytes.length : lineEnd + 1
    const text = this.#partial + bytes.toString('latin1', at, end)
    if (text.length > MAX_LINE_CHARS) return -1
    this.#partial = lineEnd < 0 ? text : ''
    if (lineEnd < 0) return end
    return text.endsWith('\r\n') && this.#takeLine(text.slice(0, -2)) ? end : -1
  }

  #takeLine(line: string): boolean {
    if (this.#phase === 'size') {
      const size = CHUNK_SIZE.exec(line)?.[1]
      if (size === undefined) return false
      this.#left = Number.parseInt(size, 16)
      this.#phase = this.#left === 0 ? 'trailers' : 'chunk'
      return true
    }
    if (this.#phase === 'chunk_end') {
      this.#phase = 'size'
      return line === ''
    }
    if (line === '') {
      this.#phase = 'done'
      return true
    }
    const field = readField(line)
    if (field === undefined || this.trailers.length >= MAX_TRAILERS * 2) return false
    this.trailers.push(...field)
    return true
  }
}

const MAX_TRAILERS = 64
