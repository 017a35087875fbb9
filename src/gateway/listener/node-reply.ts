import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { LocalResponse } from '../responses/local-responses.ts'
import { type Reply, whenTurnEnds } from '../transport/transport.ts'

/** A complete response up to this size is sent in one write with its head. */
const ONE_PIECE = 16 << 10

/** The client's side of an exchange in `node:http`. */
export class NodeReply implements Reply {
  readonly #message: IncomingMessage
  readonly #response: ServerResponse
  status = 0
  #length = -1
  #held: Buffer | undefined
  #isWritten = false
  #waitsForDrain = false

  constructor(message: IncomingMessage, response: ServerResponse) {
    this.#message = message
    this.#response = response
  }

  head(status: number, statusText: string, headers: string[], length: string | undefined): void {
    // The rest of a request that got an early response is not read, so no request can follow it.
    if (!this.#message.complete) this.#response.shouldKeepAlive = false
    this.#response.writeHead(status, statusText, headers)
    this.status = status
    if (length !== undefined) this.#length = Number(length)
  }

  data(chunk: Buffer, onDrain: () => void): boolean {
    if (chunk.length === this.#length && chunk.length <= ONE_PIECE) {
      this.#held = chunk
      return true
    }
    this.#isWritten = true
    if (this.#response.write(chunk)) return true
    if (!this.#waitsForDrain) {
      this.#waitsForDrain = true
      this.#response.once('drain', () => {
        this.#waitsForDrain = false
        onDrain()
      })
    }
    return false
  }

  end(trailers: Array<[string, string]> | undefined): void {
    const held = this.#held
    // One string goes out in one write with the head.
    if (held !== undefined) return void this.#response.end(held.toString('latin1'), 'latin1')
    if (trailers !== undefined && trailers.length > 0) this.#response.addTrailers(trailers)
    this.#response.end()
  }

  flush(): void {
    whenTurnEnds(() => {
      if (this.#held !== undefined || this.#isWritten || this.#response.writableEnded || this.#response.destroyed)
        return
      // Not `flushHeaders`, which writes UTF-8.
      this.#response.write('', 'latin1')
    })
  }

  earlyHints(links: string | string[]): void {
    // HTTP/1.0 has no interim responses (RFC 9110 §15.2).
    if (this.#message.httpVersion === '1.0') return
    try {
      this.#response.writeEarlyHints({ link: links })
    } catch {
      // Early hints are optional: a link that node does not accept is dropped.
    }
  }

  cut(): void {
    this.#response.destroy()
  }

  local(answer: LocalResponse, correlationId: string): void {
    if (this.#response.headersSent || this.#response.destroyed) return
    this.status = answer.status
    if (!this.#message.complete) this.#response.shouldKeepAlive = false
    // Without an explicit phrase, an upstream's phrase that could not be sent would remain.
    this.#response.writeHead(answer.status, STATUS_CODES[answer.status], this.#localHeaders(answer, correlationId))
    const isBodiless = this.#message.method === 'HEAD' || answer.status === 204 || answer.status === 304
    this.#response.end(isBodiless ? undefined : answer.body)
  }

  #localHeaders(answer: LocalResponse, correlationId: string): string[] {
    const headers: string[] = []
    for (const [name, value] of answer.headers) headers.push(name, value)
    if (answer.status !== 204 && answer.status !== 304)
      headers.push('Content-Length', String(Buffer.byteLength(answer.body)))
    headers.push('X-Request-Id', correlationId)
    return headers
  }
}
