import type { Socket } from 'node:net'
import { ReadAhead, type ReadAheadBudget } from '../connections/read-ahead.ts'
import { refuseWith } from '../connections/refuse-malformed.ts'
import { closeInStages } from '../connections/staged-close.ts'
import { type CanonicalRequest, readCanonicalRequest } from './canonical-request.ts'

/** What a connection needs from the listener that accepted it. */
export interface ConnectionOwner<Admitted> {
  readonly limits: ConnectionLimits
  readonly budget: ReadAheadBudget
  /** Returns what the listener needs to answer a request; undefined leaves it, and the connection, to `node:http`. */
  admit(request: CanonicalRequest): Admitted | undefined
  /** Takes a request, which is answered once {@link TakenRequest.start} is called. */
  begin(connection: ClientConnection<Admitted>, request: CanonicalRequest, admitted: Admitted): TakenRequest
  /** The connection is no longer on the fast path. */
  onLeave(connection: ClientConnection<Admitted>): void
  /**
   * Hands the connection to `node:http`, with the bytes received of the next request, and whether the client has ended
   * its side.
   */
  handOver(socket: Socket, bytes: Buffer, isEnded: boolean): void
}

/** A request that is answered on the fast path. */
export interface TakenRequest {
  /** Starts to answer it. The body of a request that was cut short is incomplete: nothing may act on it. */
  start(): void
  /** The client's connection accepts more. */
  drained(): void
  /** Called once, when the client has the whole response, or when its connection has ended before. */
  close(isFinished: boolean): void
}

/** Time limits towards a client, in milliseconds. */
export interface ConnectionLimits {
  /** Until the first byte of the first request. */
  readonly headMs: number
  /** How long the rest of a body may take; after that, `node:http` waits for it. */
  readonly bodyWaitMs: number
  readonly keepAliveMs: number
  /** How long a request may make no progress while the client has read all there is. */
  readonly answerMs: number
  /** How long a client may read nothing of its response, and how long a connection may take to close. */
  readonly stalledMs: number
}

/** A body may arrive in a few pieces; otherwise `node:http` waits for it. */
const MAX_PIECES = 8
/**
 * Extends the advertised keep-alive, so that an idle connection does not close while the client may still rely on it.
 */
const KEEP_ALIVE_MARGIN_MS = 1_000

/**
 * A client's connection while it is on the fast path: serves one request after the other, until one does not belong
 * there.
 */
export class ClientConnection<Admitted> {
  readonly #socket: Socket
  readonly #owner: ConnectionOwner<Admitted>
  readonly #ahead: ReadAhead
  #taken: TakenRequest | undefined
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

  constructor(socket: Socket, owner: ConnectionOwner<Admitted>) {
    this.#socket = socket
    this.#owner = owner
    this.#ahead = new ReadAhead(socket, owner.budget)
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

  /** Whether the connection must close after the current response. */
  get isOverrun(): boolean {
    return this.#isOverrun
  }

  /** Whether no request has been served on it so far. */
  get isUnused(): boolean {
    return this.#served === 0
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

  /**
   * Writes bytes, or text with one character per byte. Returns false if the caller should pause until the connection
   * drains.
   */
  write(data: string | Buffer): boolean {
    this.#since = performance.now()
    return typeof data === 'string' ? this.#socket.write(data, 'latin1') : this.#socket.write(data)
  }

  /** The response is complete; `keep` keeps the connection for another request. */
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
    const { headMs, bodyWaitMs, keepAliveMs, answerMs, stalledMs } = this.#owner.limits
    const waited = now - this.#since
    if (this.#isClosing) {
      if (waited > stalledMs) this.destroy()
      return
    }
    if (this.#taken !== undefined) {
      if (waited > (this.#socket.writableLength > 0 ? stalledMs : answerMs)) this.destroy()
    } else if (this.#begun !== undefined) {
      if (waited > bodyWaitMs) this.#handOver(this.#begun)
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
    const admitted = request && this.#owner.admit(request)
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
    const taken = this.#owner.begin(this, request, admitted)
    this.#taken = taken
    taken.start()
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
    taken?.close(isFinished)
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
    this.#owner.onLeave(this)
    this.#owner.handOver(socket, bytes, this.#isEnded)
  }

  #refuse(status: 400 | 408): void {
    this.#isClosing = true
    refuseWith(this.#socket, status)
  }

  readonly #onEnd = (): void => {
    this.#isEnded = true
    if (this.#isClosing || this.#taken !== undefined) return
    if (this.#begun === undefined) return this.close()
    const request = readCanonicalRequest(this.#begun)
    const admitted = request && this.#owner.admit(request)
    if (request !== undefined && admitted !== undefined) this.#endShort(request, admitted)
  }

  /** Handles a body that was cut short: nothing is acted upon. */
  #endShort(request: CanonicalRequest, admitted: Admitted): void {
    this.#begin(request, admitted)
    this.#settle(false)
    this.#refuse(400)
  }

  readonly #onError = (): void => {}

  readonly #onClose = (): void => {
    this.#ahead.take()
    this.#settle(false)
    this.#owner.onLeave(this)
  }

  readonly #onDrain = (): void => {
    this.#since = performance.now()
    this.#taken?.drained()
  }
}
