import type { IncomingMessage } from 'node:http'

/** Finds the end of a message body in the bytes after its head. */
export interface BodyEnd {
  /** Whether all bytes of the body have been seen. */
  readonly isDone: boolean
  /** Returns how many of `bytes` belong to the body. */
  take(bytes: Buffer): number
}

/** Returns how to find the end of a request body (RFC 9112 §6.3); undefined for a request without one. */
export function bodyEndOf({ headers }: Pick<IncomingMessage, 'headers'>): BodyEnd | undefined {
  if (headers['transfer-encoding'] !== undefined) return new ChunkedEnd()
  const length = Number(headers['content-length'] ?? 0)
  return length > 0 ? new LengthEnd(length) : undefined
}

class LengthEnd implements BodyEnd {
  #left: number

  constructor(length: number) {
    this.#left = length
  }

  get isDone(): boolean {
    return this.#left === 0
  }

  take(bytes: Buffer): number {
    const taken = Math.min(this.#left, bytes.length)
    this.#left -= taken
    return taken
  }
}

/** The examined part of a line: a chunk size or, for a trailer, whether it is empty. */
const LINE_CHARS = 32
const LF = 0x0a

/**
 * Follows chunks (RFC 9112 §7.1) just far enough to see the last one. It does not validate: if it loses track,
 * everything counts as body, and the parser of the same bytes refuses them.
 */
class ChunkedEnd implements BodyEnd {
  #line = ''
  #left = 0
  #isInTrailers = false
  isDone = false

  take(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && !this.isDone) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at)
        this.#left -= taken
        at += taken
        continue
      }
      const lineEnd = bytes.indexOf(LF, at)
      const end = lineEnd < 0 ? bytes.length : lineEnd + 1
      if (this.#line.length < LINE_CHARS) this.#line += bytes.toString('latin1', at, Math.min(end, at + LINE_CHARS))
      at = end
      if (lineEnd >= 0) this.#endLine()
    }
    return at
  }

  #endLine(): void {
    const line = this.#line.trim()
    this.#line = ''
    if (this.#isInTrailers) {
      this.isDone = line === ''
      return
    }
    const size = Number.parseInt(line, 16)
    if (size === 0) this.#isInTrailers = true
    // The line end after the chunk counts too.
    else this.#left = Number.isNaN(size) ? Number.POSITIVE_INFINITY : size + 2
  }
}
