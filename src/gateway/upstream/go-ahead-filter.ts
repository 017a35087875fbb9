import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { readResponseHead } from './response-head.ts'

/** How every interim response begins; the minor version may be any digit. */
const INTERIM = /^HTTP\/1\.\d 1/
const INTERIM_LENGTH = 'HTTP/1.1 1'.length
const HEAD_END = '\r\n\r\n'
const MAX_HEAD = 16 << 10
const CONTINUE = 100
const NOTHING = Buffer.alloc(0)

const filters = new WeakMap<object, GoAheadFilter>()

// Published by undici just before it writes the head of a request.
subscribe('undici:client:sendHeaders', (message) => {
  const { socket } = message as { readonly socket?: Socket }
  if (socket !== undefined) filters.get(socket)?.expectAnswer()
})

/**
 * Removes `100 Continue` from what undici reads from a connection. A client must accept one that it did not request
 * (RFC 9110 §15.2), but undici closes the connection. Other interim responses pass, and so does everything that is not
 * exactly HTTP/1.1, for undici to judge.
 */
export function filterGoAheads(socket: Socket): void {
  filters.set(socket, new GoAheadFilter(socket))
}

class GoAheadFilter {
  /** No byte of the final response has arrived yet. */
  #awaitsAnswer = false
  /** The beginning of a possible interim response. */
  #held: Buffer = NOTHING

  constructor(socket: Socket) {
    const read = socket.read.bind(socket)
    socket.read = (size) => {
      if (!this.#awaitsAnswer) return read(size)
      // Held-back bytes must not look like the end of the available data.
      for (let chunk = read(); chunk !== null; chunk = read()) {
        const rest = this.#take(chunk as Buffer)
        if (rest.length > 0) return rest
      }
      return null
    }
  }

  expectAnswer(): void {
    this.#awaitsAnswer = true
    this.#held = NOTHING
  }

  #take(bytes: Buffer): Buffer {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    this.#held = NOTHING
    const passed: Buffer[] = []
    while (rest.length > 0) {
      const end = rest.indexOf(HEAD_END)
      if (!mayBeInterim(rest) || (end < 0 ? rest.length : end) > MAX_HEAD) return this.#passAll(passed, rest)
      if (end < 0) {
        this.#held = rest
        break
      }
      const head = readResponseHead(rest.toString('latin1', 0, end))
      if (head === undefined) return this.#passAll(passed, rest)
      const next = end + HEAD_END.length
      if (head.status !== CONTINUE) passed.push(rest.subarray(0, next))
      rest = rest.subarray(next)
    }
    return passed.length === 1 ? (passed[0] as Buffer) : Buffer.concat(passed)
  }

  #passAll(passed: readonly Buffer[], rest: Buffer): Buffer {
    this.#awaitsAnswer = false
    return passed.length === 0 ? rest : Buffer.concat([...passed, rest])
  }
}

function mayBeInterim(bytes: Buffer): boolean {
  const begin = bytes.toString('latin1', 0, INTERIM_LENGTH)
  return INTERIM.test(begin + 'HTTP/1.1 1'.slice(begin.length))
}
