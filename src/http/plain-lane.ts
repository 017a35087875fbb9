import type { IncomingHttpHeaders, Server } from 'node:http'
import type { Socket } from 'node:net'
import { type CanonicalRequest, readCanonicalRequest } from './canonical-request.ts'

/** What a lane needs to know of the server that it stands before. */
export interface PlainLaneOptions {
  /** Bodies over this many bytes are the server's to refuse. */
  readonly bodyLimit: number
  /** How long a connection may be idle between two requests. */
  readonly keepAliveMs: number
  /** What to write for a request; `keepsAlive` says whether the connection stays open behind it. Never rejects. */
  answer(request: CanonicalRequest, headers: IncomingHttpHeaders, socket: Socket, keepsAlive: boolean): Promise<Written>
}

/** A whole answer; a text holds ASCII alone. */
export type Written = string | Buffer

/** A body may come in a few pieces, soon; else the server behind waits for it. */
const MAX_PIECES = 8
/** How long the first byte of a connection, or the rest of a body, is waited for here. */
const PATIENCE_MS = 500
const TICK_MS = 250
/** An idle connection is not closed just when the client may still count on it. */
const KEEP_ALIVE_MARGIN_MS = 1_000
/** What is read ahead of a request while the one before it is answered. */
const MAX_AHEAD = 96 << 10
/** How long a client may take nothing of its answer. */
const STALLED_MS = 60_000

/**
 * Answers requests that no two parsers read differently, whole and each header once, without `node:http`, which costs
 * more than most of what we answer. Anything else goes, with its connection and for good, to `node:http`, which so
 * judges and refuses it.
 */
export class PlainLane {
  readonly options: PlainLaneOptions
  readonly #connections = new Set<PlainConnection>()
  readonly #ordinary: readonly ((socket: Socket) => void)[]
  readonly #server: Server
  readonly #clock: NodeJS.Timeout
  #isClosing = false

  /** Puts the lane before a server. */
  constructor(server: Server, options: PlainLaneOptions) {
    this.options = options
    this.#server = server
    // What node itself does with a connection; without it on the list, connections come to us alone.
    this.#ordinary = server.listeners('connection') as ((socket: Socket) => void)[]
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => this.#connections.add(new PlainConnection(socket, this)))
    this.#clock = setInterval(() => {
      const now = performance.now()
      for (const connection of this.#connections) connection.tick(now)
    }, TICK_MS).unref()
  }

  /** Connections are closed behind the answer that is under way. */
  get isClosing(): boolean {
    return this.#isClosing
  }

  /** Closes what is idle, and from now on each connection behind its answer. */
  closeIdle(): void {
    this.#isClosing = true
    for (const connection of this.#connections) connection.closeIfIdle()
  }

  /** Cuts off what is left. */
  closeAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  /** Stops the clock. */
  end(): void {
    clearInterval(this.#clock)
  }

  forget(connection: PlainConnection): void {
    this.#connections.delete(connection)
  }

  handOver(socket: Socket): void {
    for (const take of this.#ordinary) take.call(this.#server, socket)
  }
}

type State = 'waiting' | 'answering' | 'closing'

/** A client's connection while its requests are plain. */
class PlainConnection {
  readonly #socket: Socket
  readonly #lane: PlainLane
  #state: State = 'waiting'
  /** What came of a request that is not whole, or of the one behind that which is answered. */
  #ahead: Buffer | undefined
  #pieces = 0
  #served = 0
  /** The client has said its last; what it asked before is answered all the same. */
  #isEnded = false
  #since = performance.now()

  constructor(socket: Socket, lane: PlainLane) {
    this.#socket = socket
    this.#lane = lane
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  closeIfIdle(): void {
    if (this.#state === 'waiting' && this.#served > 0 && this.#ahead === undefined) this.#close()
  }

  tick(now: number): void {
    const waited = now - this.#since
    if (this.#state === 'closing' || this.#socket.writableLength > 0) {
      if (waited > STALLED_MS) this.destroy()
    } else if (this.#state === 'waiting') {
      if (this.#ahead !== undefined || this.#served === 0) {
        if (waited <= PATIENCE_MS) return
        if (this.#lane.isClosing && this.#ahead === undefined) this.#close()
        else this.#handOver(this.#ahead)
      } else if (waited > this.#lane.options.keepAliveMs + KEEP_ALIVE_MARGIN_MS) this.#close()
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'closing') return
    const bytes = this.#ahead === undefined ? chunk : Buffer.concat([this.#ahead, chunk])
    if (this.#state === 'waiting') return this.#consider(bytes)
    this.#ahead = bytes
    if (bytes.length > MAX_AHEAD) this.#socket.pause()
  }

  #consider(bytes: Buffer): void {
    this.#ahead = undefined
    const request = readCanonicalRequest(bytes)
    const headers = request && headersOf(request)
    if (!headers || Number(headers['content-length'] ?? 0) > this.#lane.options.bodyLimit) return this.#handOver(bytes)
    if (request.isWhole) {
      this.#pieces = 0
      void this.#answer(request, headers)
      return
    }
    if (this.#pieces === 0) this.#since = performance.now()
    if (++this.#pieces > MAX_PIECES) return this.#handOver(bytes)
    this.#ahead = bytes
  }

  async #answer(request: CanonicalRequest, headers: IncomingHttpHeaders): Promise<void> {
    this.#state = 'answering'
    this.#served++
    const socket = this.#socket
    const { isClosing, options } = this.#lane
    const keepsAlive = request.keepsAlive && !isClosing
    const written = await options.answer(request, headers, socket, keepsAlive)
    if (socket.destroyed) return
    this.#since = performance.now()
    const isTaken = typeof written === 'string' ? socket.write(written, 'latin1') : socket.write(written)
    if (!keepsAlive || this.#lane.isClosing) return this.#close()
    if (isTaken) this.#next()
    else socket.once('drain', () => this.#next())
  }

  #next(): void {
    this.#state = 'waiting'
    this.#since = performance.now()
    const ahead = this.#ahead
    if (ahead !== undefined) {
      if (this.#socket.isPaused()) this.#socket.resume()
      this.#consider(ahead)
    } else if (this.#isEnded) this.#close()
  }

  #close(): void {
    this.#state = 'closing'
    this.#since = performance.now()
    this.#socket.destroySoon()
  }

  /** From here on the connection is the server's, which reads from the first byte of this request. */
  #handOver(bytes: Buffer | undefined): void {
    const socket = this.#socket
    // What came before an end cannot be given back to a socket.
    if (this.#isEnded) return this.#refuse()
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
    this.#lane.forget(this)
    socket.pause()
    if (bytes !== undefined) socket.unshift(bytes)
    this.#lane.handOver(socket)
    socket.resume()
  }

  /** Answers as `node:http` does what never came to be a request. */
  #refuse(): void {
    this.#socket.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', 'latin1')
    this.#close()
  }

  readonly #onEnd = (): void => {
    this.#isEnded = true
    if (this.#state !== 'waiting') return
    // What is left will never be whole.
    if (this.#ahead === undefined) this.#close()
    else this.#refuse()
  }

  readonly #onError = (): void => {}

  readonly #onClose = (): void => {
    this.#lane.forget(this)
  }
}

/** Headers as `node:http` gives them; undefined when one comes twice, or is one that node keeps as a list. */
function headersOf({ rawHeaders }: CanonicalRequest): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    if (headers[name] !== undefined || name === 'set-cookie') return undefined
    headers[name] = rawHeaders[at + 1] as string
  }
  return headers.host === undefined ? undefined : headers
}
