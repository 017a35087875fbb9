import { STATUS_CODES } from 'node:http'
import type { LocalResponse } from '../responses/local-responses.ts'
import { type Reply, whenTurnEnds } from '../transport/transport.ts'

/** The client's connection, as a response uses it. */
export interface ClientSink {
  /**
   * Writes bytes, or text with one character per byte. Returns false if the caller should pause until the connection
   * drains.
   */
  write(data: string | Buffer): boolean
  /** The response is complete; `keep` keeps the connection for another request. */
  finish(keep: boolean): void
  destroy(): void
}

/** A complete response up to this size is sent in one write with its head. */
const ONE_PIECE = 16 << 10

/** The client's side of an exchange on the fast path. Writes the same bytes as `node:http` would. */
export class FastPathReply implements Reply {
  readonly #client: ClientSink
  readonly #keepAlive: string
  readonly #mayKeep: () => boolean
  #keeps = false
  status = 0
  /** The part of the response that is not written yet. */
  #head = ''
  #length = -1
  #isChunked = false
  #held: Buffer | undefined
  #onDrain: (() => void) | undefined

  /**
   * @param mayKeep whether to keep the connection after the response; called when the head is known
   * @param keepAlive the value of `Keep-Alive` for connections that are kept
   */
  constructor(client: ClientSink, mayKeep: () => boolean, keepAlive: string) {
    this.#client = client
    this.#mayKeep = mayKeep
    this.#keepAlive = keepAlive
  }

  head(status: number, statusText: string, headers: string[], length: string | undefined): void {
    this.status = status
    this.#keeps = this.#mayKeep()
    const hasBody = status !== 204 && status !== 304
    this.#isChunked = hasBody && length === undefined
    if (hasBody && length !== undefined) this.#length = Number(length)
    this.#head = this.#headText(status, statusText, headers)
  }

  data(chunk: Buffer, onDrain: () => void): boolean {
    if (chunk.length === this.#length && chunk.length <= ONE_PIECE) {
      this.#held = chunk
      return true
    }
    if (this.#write(chunk)) return true
    this.#onDrain = onDrain
    return false
  }

  end(trailers: Array<[string, string]> | undefined): void {
    let text = this.#head
    if (this.#held !== undefined) text += this.#held.toString('latin1')
    if (this.#isChunked) {
      text += '0\r\n'
      for (const [name, value] of trailers ?? []) text += `${name}: ${value}\r\n`
      text += '\r\n'
    }
    this.#head = ''
    if (text !== '') this.#client.write(text)
    this.#client.finish(this.#keeps)
  }

  flush(): void {
    whenTurnEnds(this.#flushHead)
  }

  readonly #flushHead = (): void => {
    if (this.#head === '' || this.#held !== undefined) return
    this.#client.write(this.#head)
    this.#head = ''
  }

  earlyHints(links: string | string[]): void {
    const link = typeof links === 'string' ? links : links.join(', ')
    if (this.status === 0) this.#client.write(`HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\n\r\n`)
  }

  cut(): void {
    this.#client.destroy()
  }

  local(answer: LocalResponse, correlationId: string): void {
    if (this.status !== 0) return
    const body = Buffer.from(answer.body)
    const length = String(body.length)
    const headers = [...answer.headers.flat(), 'Content-Length', length, 'X-Request-Id', correlationId]
    this.head(answer.status, STATUS_CODES[answer.status] ?? '', headers, length)
    this.#held = body
    this.end(undefined)
  }

  /** The client's connection has drained. */
  drained(): void {
    const onDrain = this.#onDrain
    this.#onDrain = undefined
    onDrain?.()
  }

  #write(chunk: Buffer): boolean {
    const head = this.#head
    this.#head = ''
    const [before, after] = this.#isChunked ? [`${head}${chunk.length.toString(16)}\r\n`, '\r\n'] : [head, '']
    if (chunk.length <= ONE_PIECE) return this.#client.write(before + chunk.toString('latin1') + after)
    if (before !== '') this.#client.write(before)
    const goesOn = this.#client.write(chunk)
    return after === '' ? goesOn : this.#client.write(after)
  }

  #headText(status: number, statusText: string, headers: readonly string[]): string {
    let text = `HTTP/1.1 ${status} ${statusText}\r\n`
    let hasDate = false
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at] as string
      if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true
      text += `${name}: ${headers[at + 1]}\r\n`
    }
    if (!hasDate) text += `Date: ${dateNow()}\r\n`
    text += this.#keeps ? `Connection: keep-alive\r\nKeep-Alive: ${this.#keepAlive}\r\n` : 'Connection: close\r\n'
    return this.#isChunked ? `${text}Transfer-Encoding: chunked\r\n\r\n` : `${text}\r\n`
  }
}

let dateSecond = 0
let dateText = ''

/** The time in the format of RFC 9110 §5.6.7, computed once a second. */
function dateNow(): string {
  const second = Math.floor(Date.now() / 1_000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(second * 1_000).toUTCString()
  }
  return dateText
}
