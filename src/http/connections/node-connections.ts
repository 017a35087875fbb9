import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type BodyEnd, bodyEndOf } from './message-end.ts'
import { ReadAhead, type ReadAheadBudget } from './read-ahead.ts'
import { closeInStages } from './staged-close.ts'

/** Client connections, as stopping their server requires them. */
export interface ClientConnections {
  /** From now on each connection closes after its next response. */
  startClosing(): void
  /** Closes the connections that have been idle for that long, counted from {@link startClosing}. */
  closeIdle(limits: IdleLimits): void
  closeAll(): void
}

/** How long connections without a request are kept when their server stops, in milliseconds. */
export interface IdleLimits {
  readonly idleMs: number
  /** For connections that have not carried a request yet. */
  readonly unusedMs: number
}

/** A connection that may have no request at the moment. */
interface IdleConnection {
  /** Whether no request has arrived on it so far. */
  readonly isUnused: boolean
  /** Whether it has no request, and no part of one, since that time. */
  isIdleSince(time: number): boolean
  close(): void
}

/** Closes the connections that have been idle for long enough, on a listener that is closing since a time. */
export function closeIdleOf(
  connections: Iterable<IdleConnection>,
  closingSince: number | undefined,
  { idleMs, unusedMs }: IdleLimits,
): void {
  if (closingSince === undefined) return
  const now = performance.now()
  for (const connection of connections) {
    const before = now - (connection.isUnused ? unusedMs : idleMs)
    if (closingSince <= before && connection.isIdleSince(before)) connection.close()
  }
}

const EVENTS_OF_REQUESTS = ['request', 'checkContinue', 'checkExpectation']

/**
 * The connections that `node:http` reads. It receives the bytes of one request at a time, and those of the next only
 * after the response: pipelined requests cause no work before their turn, and none at all after a refusal. A client
 * that ends its side still gets its response, and connections are closed in stages.
 */
export class NodeConnections implements ClientConnections {
  readonly #server: Server
  readonly #budget: ReadAheadBudget
  readonly #ordinary: readonly ((socket: Socket) => void)[]
  readonly #connections = new Map<Socket, NodeConnection>()
  #closingSince: number | undefined

  /**
   * Takes over the connections of a server from `node:http`. The server's request listeners must have been added
   * before.
   */
  constructor(server: Server, budget: ReadAheadBudget) {
    this.#server = server
    this.#budget = budget
    this.#ordinary = server.listeners('connection') as ((socket: Socket) => void)[]
    server.removeAllListeners('connection')
    for (const event of EVENTS_OF_REQUESTS) {
      if (server.listenerCount(event) > 0) server.prependListener(event, this.#onRequest)
    }
    for (const event of ['upgrade', 'connect']) {
      if (server.listenerCount(event) > 0) server.prependListener(event, this.#onUpgrade)
    }
  }

  /** Reads requests from a connection; its first `bytes`, and possibly its end, have already arrived. */
  take(socket: Socket, bytes?: Buffer, isEnded = false): void {
    const connection = new NodeConnection(socket, new ReadAhead(socket, this.#budget), () => {
      for (const take of this.#ordinary) take.call(this.#server, socket)
    })
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#connections.delete(socket))
    connection.start(bytes, isEnded)
  }

  startClosing(): void {
    this.#closingSince = performance.now()
    for (const connection of this.#connections.values()) connection.announceClose()
  }

  closeIdle(limits: IdleLimits): void {
    closeIdleOf(this.#connections.values(), this.#closingSince, limits)
  }

  closeAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  readonly #onRequest = (message: IncomingMessage, response: ServerResponse): void => {
    this.#connections.get(message.socket)?.begin(message, response)
    if (this.#closingSince !== undefined) response.shouldKeepAlive = false
  }

  readonly #onUpgrade = (_message: IncomingMessage, socket: Socket): void => {
    this.#connections.get(socket)?.leave()
    this.#connections.delete(socket)
  }
}

const HEAD_END = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)

class NodeConnection {
  readonly #socket: Socket
  readonly #ahead: ReadAhead
  /** Node's own listeners, called from here instead. */
  readonly #parse: (bytes: Buffer) => void
  readonly #end: () => void
  /** The last bytes of an incomplete head; empty between two requests. */
  #seam: Buffer = NOTHING
  #body: BodyEnd | undefined
  #response: ServerResponse | undefined
  #isEnded = false
  #isClosing = false
  #hasLeft = false
  #isUnused = true
  #since = performance.now()

  constructor(socket: Socket, ahead: ReadAhead, listen: () => void) {
    this.#socket = socket
    this.#ahead = ahead
    listen()
    this.#parse = lastListener(socket, 'data')
    this.#end = lastListener(socket, 'end')
    socket.off('data', this.#parse).off('end', this.#end)
    socket.on('data', this.#onData).on('end', this.#onEnd)
    // Node calls this to close a connection after a response.
    socket.destroySoon = () => this.close()
  }

  start(bytes: Buffer | undefined, isEnded: boolean): void {
    if (bytes !== undefined) this.#feed(bytes)
    if (isEnded) this.#onEnd()
  }

  get isUnused(): boolean {
    return this.#isUnused
  }

  isIdleSince(time: number): boolean {
    return !this.#isClosing && this.#response === undefined && this.#seam.length === 0 && this.#since <= time
  }

  begin(message: IncomingMessage, response: ServerResponse): void {
    this.#isUnused = false
    this.#body = bodyEndOf(message)
    this.#response = response
    response.once('close', this.#onAnswered)
  }

  announceClose(): void {
    if (this.#response?.headersSent === false) this.#response.shouldKeepAlive = false
  }

  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#ahead.drop()
    closeInStages(this.#socket)
  }

  /** The connection switches to another protocol. */
  leave(): void {
    this.#hasLeft = true
    this.#socket.off('data', this.#onData).off('end', this.#onEnd)
    Reflect.deleteProperty(this.#socket, 'destroySoon')
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#since = performance.now()
    if (!this.#isClosing) this.#feed(chunk)
  }

  #feed(bytes: Buffer): void {
    let rest = bytes
    while (rest.length > 0 && !this.#isClosing && !this.#socket.destroyed) {
      if (this.#hasLeft) return this.#socket.unshift(rest)
      if (this.#response !== undefined && this.#body === undefined) return this.#hold(rest)
      const end = this.#body === undefined ? this.#takeHead(rest) : this.#body.take(rest)
      if (this.#body?.isDone) this.#body = undefined
      const piece = rest.subarray(0, end)
      rest = rest.subarray(end)
      this.#parse(piece)
    }
  }

  /** Returns how many of `bytes` belong to the head, which may end across two reads. */
  #takeHead(bytes: Buffer): number {
    const seen = this.#seam.length
    const text = seen === 0 ? bytes : Buffer.concat([this.#seam, bytes])
    const at = text.indexOf(HEAD_END)
    this.#seam = at < 0 ? Buffer.from(text.subarray(-HEAD_END.length + 1)) : NOTHING
    return at < 0 ? bytes.length : at + HEAD_END.length - seen
  }

  #hold(bytes: Buffer): void {
    if (this.#ahead.hold(bytes)) return
    if (this.#response !== undefined) this.#response.shouldKeepAlive = false
    this.#response?.once('close', () => this.close())
  }

  readonly #onAnswered = (): void => {
    this.#response = undefined
    this.#since = performance.now()
    if (this.#isClosing || this.#socket.destroyed) return
    const ahead = this.#ahead.take()
    if (ahead !== undefined) this.#feed(ahead)
    if (!this.#ahead.isEmpty) return
    this.#ahead.resume()
    if (this.#isEnded && this.#response === undefined) this.#end()
  }

  /**
   * The client has ended its side. Its earlier requests still get responses; the parser refuses a truncated request.
   */
  readonly #onEnd = (): void => {
    this.#isEnded = true
    if (this.#isClosing) return
    if (this.#response === undefined || this.#body !== undefined) this.#end()
  }
}

function lastListener(socket: Socket, event: 'data' | 'end'): (...args: unknown[]) => void {
  return socket.listeners(event).at(-1) as (...args: unknown[]) => void
}
