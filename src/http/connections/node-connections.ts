import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type BodyEnd, bodyEndOf } from './message-end.ts'
import { ReadAhead, type ReadAheadBudget } from './read-ahead.ts'
import { closeInStages } from './staged-close.ts'

/** Connections of clients, as the stop of their server needs them. */
export interface ClientConnections {
  /** From now on each connection is closed behind its next answer. */
  startClosing(): void
  /** Closes the connections that have been waiting for a request for `idleMs`, counted from {@link startClosing}. */
  closeIdle(idleMs: number): void
  closeAll(): void
}

const EVENTS_OF_REQUESTS = ['request', 'checkContinue', 'checkExpectation']

/**
 * The connections that `node:http` reads. It is given the bytes of one request at a time, of the next when the one
 * before has been answered: what is pipelined causes no work before its turn, and none at all behind a refusal.
 * A client that ends its side still gets its answer, and connections are closed in stages.
 */
export class NodeConnections implements ClientConnections {
  readonly #server: Server
  readonly #budget: ReadAheadBudget
  readonly #ordinary: readonly ((socket: Socket) => void)[]
  readonly #connections = new Map<Socket, NodeConnection>()
  #closingSince: number | undefined

  /** Takes the connections of a server, whose listeners for requests must have been added, from `node:http`. */
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

  /** Reads requests from a connection, the first `bytes` of which, and perhaps its end, have come already. */
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

  closeIdle(idleMs: number): void {
    const before = performance.now() - idleMs
    if (this.#closingSince === undefined || this.#closingSince > before) return
    for (const connection of this.#connections.values()) if (connection.isIdleSince(before)) connection.close()
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
  /** Node's own listeners, which we call in its place. */
  readonly #parse: (bytes: Buffer) => void
  readonly #end: () => void
  /** The last bytes of a head that is not complete; empty between two requests. */
  #seam: Buffer = NOTHING
  #body: BodyEnd | undefined
  #response: ServerResponse | undefined
  #isEnded = false
  #isClosing = false
  #hasLeft = false
  #since = performance.now()

  constructor(socket: Socket, ahead: ReadAhead, listen: () => void) {
    this.#socket = socket
    this.#ahead = ahead
    listen()
    this.#parse = lastListener(socket, 'data')
    this.#end = lastListener(socket, 'end')
    socket.off('data', this.#parse).off('end', this.#end)
    socket.on('data', this.#onData).on('end', this.#onEnd)
    // This is how node closes a connection behind an answer.
    socket.destroySoon = () => this.close()
  }

  start(bytes: Buffer | undefined, isEnded: boolean): void {
    if (bytes !== undefined) this.#feed(bytes)
    if (isEnded) this.#onEnd()
  }

  /** No request is under way, nor part of one, since that time. */
  isIdleSince(time: number): boolean {
    return !this.#isClosing && this.#response === undefined && this.#seam.length === 0 && this.#since <= time
  }

  begin(message: IncomingMessage, response: ServerResponse): void {
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

  /** The connection speaks another protocol from here on. */
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

  /** How many of `bytes` belong to the head, whose end may be split between two reads. */
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

  /** The client has ended its side. What it asked before is answered all the same; a request cut short is not one. */
  readonly #onEnd = (): void => {
    this.#isEnded = true
    if (this.#isClosing) return
    if (this.#response === undefined || this.#body !== undefined) this.#end()
  }
}

function lastListener(socket: Socket, event: 'data' | 'end'): (...args: unknown[]) => void {
  return socket.listeners(event).at(-1) as (...args: unknown[]) => void
}
