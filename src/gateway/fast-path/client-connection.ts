import type { Socket } from 'node:net'
import {
  type CanonicalRequest,
  closeInStages,
  ReadAhead,
  type ReadAheadBudget,
  readCanonicalRequest,
} from '../../http/index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Admitted } from '../transport/admission.ts'
import type { ClientSink, FastPathReply } from './fast-path-reply.ts'

/** What a connection needs from the fast path. */
export interface ConnectionOwner {
  readonly limits: ConnectionLimits
  readonly budget: ReadAheadBudget
  /** Admits a request that belongs on the fast path; undefined hands it over. */
  admit(request: CanonicalRequest): Admitted | undefined
  begin(connection: ClientConnection, request: CanonicalRequest, admitted: Admitted): Taken
  /** The connection has left the fast path. */
  onLeave(connection: ClientConnection): void
  /**
   * Hands the connection to `node:http`, with the bytes received of the next request, and whether the client has
   * ended its side.
   */
  handOver(socket: Socket, bytes: Buffer, isEnded: boolean): void
  /** Responds to bytes that never became a request, and closes the connection. */
  refuse(socket: Socket, status: 400 | 408): void
}

/** A request that the fast path handles. */
export interface Taken {
  readonly exchange: Exchange
  readonly reply: FastPathReply
}

/** Time limits towards a client, in milliseconds. */
export interface ConnectionLimits {
  /** Until the first byte of the first request. */
  readonly headMs: number
  readonly keepAliveMs: number
  /** How long an exchange may make no progress. */
  readonly idleMs: number
}

/** A body may arrive in a few pieces within a short time; otherwise `node:http` waits for it. */
const MAX_PIECES = 8
const MAX_BODY_WAIT_MS = 250
/**
 * Extends the advertised keep-alive, so that an idle connection does not close while the client may still rely on it.
 */
const KEEP_ALIVE_MARGIN_MS = 1_000

/**
 * A client's connection while it is on the fast path: serves one request after the other, until one does not belong
 * there.
 */
export class ClientConnection implements ClientSink {
  readonly #socket: Socket
  readonly #keeper: ConnectionOwner
  readonly #ahead: ReadAhead
  #taken: Taken | undefined
  /** The bytes received of an incomplete request. */
  #begun: Buffer | undefined
  #pieces = 0
  #served = 0
  /** The client has ended its side; requests it sent before still get their responses. */
  #isEnded = false
  /** The client sent more ahead of its turn than may be held. */
  #isOverrun = false
  #isClosing = false
  #since = performance.now()

  constructor(socket: Socket, keeper: ConnectionOwner) {
    this.#socket = socket
    this.#keeper = keeper
    this.#ahead = new ReadAhead(socket, keeper.budget)
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

  /** Whether the connection has no request, and no part of one, since that time. */
  isIdleSince(time: number): boolean {
    return !this.#isClosing && this.#taken === undefined && this.#begun === undefined && this.#since <= time
  }

  close(): void {
    this.#isClosing = true
    this.#since = performance.now()
    this.#ahead.drop()
    closeInStages(this.#socket)
  }

  write(data: string | Buffer): boolean {
    this.#since = performance.now()
    return typeof data === 'string' ? this.#socket.write(data, 'latin1') : this.#socket.write(data)
  }

  finish(keep: boolean): void {
    if (this.#socket.writableLength === 0) this.#finished(keep)
    // This empty write completes after all earlier ones; a broken connection ends the exchange through its close event.
    else this.#socket.write('', (error) => !error && this.#finished(keep))
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Ends whatever has exceeded its time limit. */
  tick(now: number): void {
    const { headMs, keepAliveMs, idleMs } = this.#keeper.limits
    const waited = now - this.#since
    if (this.#isClosing) {
      if (waited > idleMs) this.destroy()
      return
    }
    if (this.#taken !== undefined) {
      if (waited > idleMs) this.destroy()
    } else if (this.#begun !== undefined) {
      if (waited > MAX_BODY_WAIT_MS) this.#handOver(this.#begun)
    } else if (this.#served > 0) {
      if (waited > keepAliveMs + KEEP_ALIVE_MARGIN_MS) this.destroy()
    } else if (waited > headMs) this.#refuse(408)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isClosing) return
    if (this.#taken !== undefined) this.#isOverrun ||= !this.#ahead.hold(chunk)
    else this.#consider(this.#begun === undefined ? chunk : Buffer.concat([this.#begun, chunk]))
  }

  #consider(bytes: Buffer): void {
    const request = readCanonicalRequest(bytes)
    const admitted = request && this.#keeper.admit(request)
    if (request === undefined || admitted === undefined) return this.#handOver(bytes)
    if (!request.isWhole) {
      if (this.#pieces === 0) this.#since = performance.now()
      this.#begun = bytes
      // A client that has ended its side sends no more of the body.
      if (this.#isEnded) this.#endShort(request, admitted)
      else if (++this.#pieces > MAX_PIECES) this.#handOver(bytes)
      return
    }
    this.#begin(request, admitted)
  }

  #begin(request: CanonicalRequest, admitted: Admitted): void {
    this.#begun = undefined
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
    this.#settle(true)
    if (!keep || this.#isOverrun) return this.close()
    this.#since = performance.now()
    const ahead = this.#ahead.take()
    this.#ahead.resume()
    if (ahead !== undefined) this.#consider(ahead)
    else if (this.#isEnded) this.close()
  }

  #settle(isFinished: boolean): void {
    const taken = this.#taken
    this.#taken = undefined
    if (taken === undefined) return
    taken.exchange.close(isFinished)
  }

  /** Hands the connection to `node:http`, which reads from the first byte of this request. */
  #handOver(bytes: Buffer): void {
    const socket = this.#socket
    socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onClose)
      .off('drain', this.#onDrain)
    this.#keeper.onLeave(this)
    this.#keeper.handOver(socket, bytes, this.#isEnded)
  }

  #refuse(status: 400 | 408): void {
    this.#isClosing = true
    this.#keeper.refuse(this.#socket, status)
  }

  readonly #onEnd = (): void => {
    this.#isEnded = true
    if (this.#isClosing || this.#taken !== undefined) return
    if (this.#begun === undefined) return this.close()
    const request = readCanonicalRequest(this.#begun)
    const admitted = request && this.#keeper.admit(request)
    if (request !== undefined && admitted !== undefined) this.#endShort(request, admitted)
  }

  /** Handles a body that was cut short: nothing is forwarded, and the request is recorded. */
  #endShort(request: CanonicalRequest, admitted: Admitted): void {
    this.#begin(request, admitted)
    this.#settle(false)
    this.#refuse(400)
  }

  readonly #onError = (): void => {}

  readonly #onClose = (): void => {
    this.#ahead.take()
    this.#settle(false)
    this.#keeper.onLeave(this)
  }

  readonly #onDrain = (): void => {
    this.#since = performance.now()
    this.#taken?.reply.drained()
  }
}
