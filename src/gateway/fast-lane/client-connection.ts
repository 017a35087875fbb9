import type { Socket } from 'node:net'
import { type CanonicalRequest, readCanonicalRequest } from '../../http/index.ts'
import type { Admitted } from '../admission.ts'
import type { Exchange } from '../exchange.ts'
import type { ClientSink, LaneReply } from './lane-reply.ts'

/** What a connection needs of the lane it is in. */
export interface LaneKeeper {
  readonly limits: ConnectionLimits
  /** What the request comes to when it is one of the lane's; undefined hands it over. */
  admit(request: CanonicalRequest): Admitted | undefined
  begin(connection: ClientConnection, request: CanonicalRequest, admitted: Admitted): Taken
  /** The exchange has ended, whichever way. */
  onEnd(): void
  /** The connection is the lane's no more. */
  onLeave(connection: ClientConnection): void
  handOver(socket: Socket): void
  /** Answers what never came to be a request, and closes. */
  refuse(socket: Socket, status: 400 | 408): void
}

/** A request that the lane has taken. */
export interface Taken {
  readonly exchange: Exchange
  readonly reply: LaneReply
}

/** Time limits towards a client, in milliseconds. */
export interface ConnectionLimits {
  /** To the first byte of the first request. */
  readonly headMs: number
  readonly keepAliveMs: number
  /** How long an exchange may stand still. */
  readonly idleMs: number
}

/** A body may come in a few pieces, soon; else the ordinary lane waits for it. */
const MAX_PIECES = 8
const MAX_BODY_WAIT_MS = 250
/** An idle connection is not closed just when the client may still count on it. */
const KEEP_ALIVE_MARGIN_MS = 1_000
/** What is read ahead of a request while the one before it is answered. */
const MAX_AHEAD = 96 << 10

/** A client's connection while it is in the fast lane: one request after the other, until one of them is not for it. */
export class ClientConnection implements ClientSink {
  readonly #socket: Socket
  readonly #keeper: LaneKeeper
  #taken: Taken | undefined
  #ahead: Buffer | undefined
  #pieces = 0
  #served = 0
  #isClosing = false
  #since = performance.now()

  constructor(socket: Socket, keeper: LaneKeeper) {
    this.#socket = socket
    this.#keeper = keeper
    socket
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.#onClose)
      .on('drain', this.#onDrain)
  }

  get socket(): Socket {
    return this.#socket
  }

  /** Between two requests, with nothing of the next. */
  get isIdle(): boolean {
    return this.#served > 0 && this.#taken === undefined && this.#ahead === undefined
  }

  write(data: string | Buffer): boolean {
    this.#since = performance.now()
    return typeof data === 'string' ? this.#socket.write(data, 'latin1') : this.#socket.write(data)
  }

  finish(keep: boolean): void {
    if (this.#socket.writableLength === 0) this.#finished(keep)
    // Written last, it is done when all before it is; a connection that broke off tells by its end.
    else this.#socket.write('', (error) => !error && this.#finished(keep))
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Ends what has taken too long. */
  tick(now: number): void {
    const { headMs, keepAliveMs, idleMs } = this.#keeper.limits
    const waited = now - this.#since
    if (this.#isClosing) {
      if (waited > idleMs) this.destroy()
      return
    }
    if (this.#taken !== undefined) {
      if (waited > idleMs) this.destroy()
    } else if (this.#ahead !== undefined) {
      if (waited > MAX_BODY_WAIT_MS) this.#handOver(this.#ahead)
    } else if (this.#served > 0) {
      if (waited > keepAliveMs + KEEP_ALIVE_MARGIN_MS) this.destroy()
    } else if (waited > headMs) this.#refuse(408)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isClosing) return
    const bytes = this.#ahead === undefined ? chunk : Buffer.concat([this.#ahead, chunk])
    if (this.#taken === undefined) return this.#consider(bytes)
    this.#ahead = bytes
    if (bytes.length > MAX_AHEAD) this.#socket.pause()
  }

  #consider(bytes: Buffer): void {
    const request = readCanonicalRequest(bytes)
    const admitted = request && this.#keeper.admit(request)
    if (request === undefined || admitted === undefined) return this.#handOver(bytes)
    if (!request.isWhole) {
      if (this.#pieces === 0) this.#since = performance.now()
      this.#ahead = bytes
      if (++this.#pieces > MAX_PIECES) this.#handOver(bytes)
      return
    }
    this.#begin(request, admitted)
  }

  #begin(request: CanonicalRequest, admitted: Admitted): void {
    this.#ahead = undefined
    this.#pieces = 0
    this.#served++
    this.#since = performance.now()
    const taken = this.#keeper.begin(this, request, admitted)
    this.#taken = taken
    try {
      taken.exchange.start()
    } catch (error) {
      taken.exchange.fail(error)
    }
  }

  #finished(keep: boolean): void {
    if (this.#taken === undefined) return
    this.#close(true)
    if (!keep) {
      this.#isClosing = true
      return this.#socket.destroySoon()
    }
    this.#since = performance.now()
    const ahead = this.#ahead
    if (ahead === undefined) return
    this.#ahead = undefined
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#consider(ahead)
  }

  #close(isFinished: boolean): void {
    const taken = this.#taken
    this.#taken = undefined
    if (taken === undefined) return
    taken.exchange.close(isFinished)
    this.#keeper.onEnd()
  }

  /** From here on the connection is the ordinary lane's, which reads from the first byte of this request. */
  #handOver(bytes: Buffer): void {
    const socket = this.#socket
    socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onClose)
      .off('drain', this.#onDrain)
    this.#keeper.onLeave(this)
    socket.pause()
    socket.unshift(bytes)
    this.#keeper.handOver(socket)
    socket.resume()
  }

  #refuse(status: 400 | 408): void {
    this.#isClosing = true
    this.#keeper.refuse(this.#socket, status)
  }

  readonly #onEnd = (): void => {
    if (this.#isClosing) return
    if (this.#taken !== undefined) return this.destroy()
    if (this.#ahead === undefined) return this.#socket.destroySoon()
    const request = readCanonicalRequest(this.#ahead)
    const admitted = request && this.#keeper.admit(request)
    // A body that was cut short: what came of it goes nowhere, and is recorded.
    if (request !== undefined && admitted !== undefined) this.#begin(request, admitted)
    this.#close(false)
    this.#refuse(400)
  }

  readonly #onError = (): void => {}

  readonly #onClose = (): void => {
    this.#close(false)
    this.#keeper.onLeave(this)
  }

  readonly #onDrain = (): void => {
    this.#since = performance.now()
    this.#taken?.reply.drained()
  }
}
