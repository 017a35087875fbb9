import type { IncomingHttpHeaders, Server } from 'node:http'
import type { Socket } from 'node:net'
import { type CanonicalRequest, readCanonicalRequest } from './canonical-request.ts'
import type { ClientConnections, NodeConnections } from './connections/node-connections.ts'
import { ReadAhead, type ReadAheadBudget } from './connections/read-ahead.ts'
import { closeInStages } from './connections/staged-close.ts'

/** What the fast path needs to know about the server behind it. */
export interface HandlerFastPathOptions {
  /** Bodies over this many bytes are left for the server to refuse. */
  readonly bodyLimit: number
  /** How long a connection may be idle between two requests, in milliseconds. */
  readonly keepAliveMs: number
  /** How long the first byte of a connection, or the rest of a body, may take to arrive; by default 500 ms. */
  readonly patienceMs?: number
  /**
   * Returns the bytes of the response to a request. `keepsAlive`, called when the response is known, tells whether the
   * connection stays open after it. Never rejects.
   */
  answer(
    request: CanonicalRequest,
    headers: IncomingHttpHeaders,
    socket: Socket,
    keepsAlive: () => boolean,
  ): Promise<Written>
}

/** A complete response; a string contains only ASCII. */
export type Written = string | Buffer

/** A body may arrive in a few pieces within a short time; otherwise the server behind waits for it. */
const MAX_PIECES = 8
const PATIENCE_MS = 500
const TICK_MS = 250
/**
 * Extends the advertised keep-alive, so that an idle connection does not close while the client may still rely on it.
 */
const KEEP_ALIVE_MARGIN_MS = 1_000
/** How long a client may read nothing of its response. */
const STALLED_MS = 60_000

/**
 * Answers canonical requests, which all parsers read alike, if they are complete and repeat no header. It bypasses
 * `node:http`, which costs more than most handlers. Any other request goes to `node:http`, together with its connection
 * and for good, and is judged and refused there.
 */
export class HandlerFastPath implements ClientConnections {
  readonly options: HandlerFastPathOptions
  readonly budget: ReadAheadBudget
  readonly #connections = new Set<PlainConnection>()
  readonly #ordinary: NodeConnections
  readonly #clock: NodeJS.Timeout
  #closingSince: number | undefined

  /** Puts the fast path in front of a server; connections that do not belong on the fast path go to `ordinary`. */
  constructor(server: Server, ordinary: NodeConnections, budget: ReadAheadBudget, options: HandlerFastPathOptions) {
    this.options = options
    this.budget = budget
    this.#ordinary = ordinary
    server.on('connection', (socket: Socket) => this.#connections.add(new PlainConnection(socket, this)))
    this.#clock = setInterval(() => {
      const now = performance.now()
      for (const connection of this.#connections) connection.tick(now)
    }, TICK_MS).unref()
  }

  /** Whether connections close after their current response. */
  get isClosing(): boolean {
    return this.#closingSince !== undefined
  }

  startClosing(): void {
    this.#closingSince = performance.now()
  }

  closeIdle(idleMs: number): void {
    const before = performance.now() - idleMs
    if (this.#closingSince === undefined || this.#closingSince > before) return
    for (const connection of this.#connections) if (connection.isIdleSince(before)) connection.close()
  }

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

  handOver(socket: Socket, bytes: Buffer | undefined, isEnded: boolean): void {
    this.#ordinary.take(socket, bytes, isEnded)
  }
}

type State = 'waiting' | 'answering' | 'closing'

/** A client's connection while its requests are plain. */
class PlainConnection {
  readonly #socket: Socket
  readonly #fastPath: HandlerFastPath
  #state: State = 'waiting'
  /** The bytes received of an incomplete request. */
  #begun: Buffer | undefined
  readonly #ahead: ReadAhead
  #pieces = 0
  #served = 0
  /** The client has ended its side; its earlier requests still get responses. */
  #isEnded = false
  /** The client sent more ahead of its turn than may be held. */
  #isOverrun = false
  #since = performance.now()

  constructor(socket: Socket, fastPath: HandlerFastPath) {
    this.#socket = socket
    this.#fastPath = fastPath
    this.#ahead = new ReadAhead(socket, fastPath.budget)
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Whether the connection has no request, and no part of one, since that time. */
  isIdleSince(time: number): boolean {
    return this.#state === 'waiting' && this.#begun === undefined && this.#since <= time
  }

  tick(now: number): void {
    const waited = now - this.#since
    const patienceMs = this.#fastPath.options.patienceMs ?? PATIENCE_MS
    if (this.#state === 'closing' || this.#socket.writableLength > 0) {
      if (waited > STALLED_MS) this.destroy()
    } else if (this.#state === 'waiting') {
      if (this.#begun !== undefined || this.#served === 0) {
        if (waited > patienceMs && !(this.#fastPath.isClosing && this.#begun === undefined)) this.#handOver(this.#begun)
      } else if (waited > this.#fastPath.options.keepAliveMs + KEEP_ALIVE_MARGIN_MS) this.close()
    }
  }

  close(): void {
    this.#state = 'closing'
    this.#since = performance.now()
    this.#ahead.drop()
    closeInStages(this.#socket)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'closing') return
    if (this.#state === 'answering') {
      this.#isOverrun ||= !this.#ahead.hold(chunk)
      return
    }
    this.#consider(this.#begun === undefined ? chunk : Buffer.concat([this.#begun, chunk]))
  }

  #consider(bytes: Buffer): void {
    this.#begun = undefined
    const request = readCanonicalRequest(bytes)
    const headers = request && headersOf(request)
    if (!headers || Number(headers['content-length'] ?? 0) > this.#fastPath.options.bodyLimit)
      return this.#handOver(bytes)
    if (request.isWhole) {
      this.#pieces = 0
      void this.#answer(request, headers)
      return
    }
    if (this.#pieces === 0) this.#since = performance.now()
    // A client that has ended its side sends nothing more: node refuses the truncated request.
    if (++this.#pieces > MAX_PIECES || this.#isEnded) return this.#handOver(bytes)
    this.#begun = bytes
  }

  async #answer(request: CanonicalRequest, headers: IncomingHttpHeaders): Promise<void> {
    this.#state = 'answering'
    this.#served++
    const socket = this.#socket
    let keepsAlive = false
    const settle = () => {
      keepsAlive = request.keepsAlive && !this.#isOverrun && !this.#fastPath.isClosing
      return keepsAlive
    }
    const written = await this.#fastPath.options.answer(request, headers, socket, settle)
    if (socket.destroyed) return
    this.#since = performance.now()
    const isTaken = typeof written === 'string' ? socket.write(written, 'latin1') : socket.write(written)
    if (!keepsAlive) return this.close()
    if (isTaken) this.#next()
    else socket.once('drain', () => this.#next())
  }

  #next(): void {
    this.#state = 'waiting'
    this.#since = performance.now()
    const ahead = this.#ahead.take()
    this.#ahead.resume()
    if (ahead !== undefined) this.#consider(ahead)
    else if (this.#isEnded) this.close()
  }

  /** Hands the connection to the server, which reads from the first byte of this request. */
  #handOver(bytes: Buffer | undefined): void {
    const socket = this.#socket
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
    this.#fastPath.forget(this)
    this.#fastPath.handOver(socket, bytes, this.#isEnded)
  }

  readonly #onEnd = (): void => {
    this.#isEnded = true
    if (this.#state !== 'waiting') return
    if (this.#begun === undefined) this.close()
    else this.#handOver(this.#begun)
  }

  readonly #onError = (): void => {}

  readonly #onClose = (): void => {
    this.#ahead.take()
    this.#fastPath.forget(this)
  }
}

/** Headers as `node:http` returns them; undefined if one is repeated, or is one that node returns as a list. */
function headersOf({ rawHeaders }: CanonicalRequest): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    if (headers[name] !== undefined || name === 'set-cookie') return undefined
    headers[name] = rawHeaders[at + 1] as string
  }
  return headers.host === undefined ? undefined : headers
}
