import { connect, type Socket } from 'node:net'
import type { Failure } from '../responses/failure.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import type { UpstreamLimits } from '../upstream/upstream.ts'
import { ResponseReader, type ResponseSink } from './response-reader.ts'

/** Receives the response on a connection. No method is called after `onDone` or `onFault`. */
export interface ResponseOwner extends ResponseSink {
  /** False to pause reading until {@link UpstreamConnection.resume}. */
  readonly wantsMore: boolean
  onDone(trailers: readonly string[]): void
  onFault(failure: Failure, error: Error): void
}

/** The target of a connection, and the owner that keeps it between two requests. */
export interface ConnectionHome {
  readonly hostname: string
  readonly port: number
  readonly limits: UpstreamLimits
  /** The connection is free again. */
  onFree(connection: UpstreamConnection): void
  onGone(connection: UpstreamConnection): void
}

const READ_BYTES = 16 << 10
/** Idle connections are closed before most servers close them, so that they rarely close during a request. */
const IDLE_MS = 4_000
const PROBE_DELAY_MS = 60_000

type Phase = 'connecting' | 'waiting' | 'reading' | 'idle' | 'gone'

/** One connection to an upstream: one request at a time, reused only after an unambiguous response. */
export class UpstreamConnection implements ResponseSink {
  readonly #home: ConnectionHome
  readonly #socket: Socket
  readonly #reader = new ResponseReader(this)
  #phase: Phase = 'connecting'
  #owner: ResponseOwner | undefined
  #since = performance.now()
  #idleMs = IDLE_MS
  #isPaused = false

  constructor(home: ConnectionHome) {
    this.#home = home
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    this.#socket = connect({
      host: home.hostname,
      port: home.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_DELAY_MS,
      onread: { buffer, callback: (size) => this.#takeSafely(buffer.subarray(0, size)) },
    })
    this.#socket
      .on('connect', () => this.#connected())
      .on('end', () => this.#ended())
      .on('error', (error) => this.#fail('closed', error))
      .on('close', () => this.#fail('closed', fault('UPSTREAM_CLOSED', 'the connection was closed')))
  }

  /** Whether it can send a request. */
  get isUsable(): boolean {
    return this.#phase === 'idle' && this.#socket.writable
  }

  /** Sends a request once, as text with one character per byte, in one write. */
  send(request: string, owner: ResponseOwner): void {
    this.#owner = owner
    this.#since = performance.now()
    if (this.#phase === 'idle') this.#phase = 'waiting'
    this.#reader.begin()
    this.#socket.write(request, 'latin1')
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#since = performance.now()
    this.#socket.resume()
  }

  /** Closes the connection and abandons its request without notifying the owner. */
  drop(): void {
    this.#owner = undefined
    this.#leave()
  }

  /** Ends whatever has exceeded its time limit. */
  tick(now: number): void {
    const { connectMs, headersMs, bodyIdleMs } = this.#home.limits
    const waited = now - this.#since
    if (this.#phase === 'connecting' && waited > connectMs)
      this.#fail('timed_out', fault('ETIMEDOUT', 'no connection in time'))
    else if (this.#phase === 'waiting' && waited > headersMs)
      this.#fail('timed_out', fault('ETIMEDOUT', 'no answer in time'))
    else if (this.#phase === 'reading' && waited > bodyIdleMs && !this.#isPaused)
      this.#fail('timed_out', fault('ETIMEDOUT', 'the answer stood still'))
    else if (this.#phase === 'idle' && waited > this.#idleMs) this.drop()
  }

  onInterim(head: ResponseHead): void {
    this.#owner?.onInterim(head)
  }

  onHead(head: ResponseHead): void {
    this.#phase = 'reading'
    this.#owner?.onHead(head)
  }

  onBody(piece: Buffer): void {
    this.#owner?.onBody(piece)
  }

  #connected(): void {
    if (this.#phase !== 'connecting') return
    this.#phase = 'waiting'
    this.#since = performance.now()
  }

  /** An internal error fails this one request, not the process. */
  #takeSafely(bytes: Buffer): boolean {
    try {
      return this.#take(bytes)
    } catch (error) {
      this.#fail('closed', error as Error)
      return true
    }
  }

  /** Returns false to pause reading. */
  #take(bytes: Buffer): boolean {
    // Unrequested bytes would be mistaken for the response to the next request.
    if (this.#owner === undefined) {
      this.drop()
      return true
    }
    if (this.#phase === 'reading') this.#since = performance.now()
    const reading = this.#reader.read(bytes)
    if (this.#phase === 'gone') return true
    if (reading === 'fault') this.#fail('closed', fault('UPSTREAM_NOT_HTTP', 'the answer is not HTTP as it should be'))
    else if (reading !== 'more') this.#finish(reading === 'done')
    else if (this.#owner?.wantsMore === false) {
      this.#isPaused = true
      return false
    }
    return true
  }

  #finish(isClean: boolean): void {
    const owner = this.#owner
    this.#owner = undefined
    const { keepMs, trailers } = this.#reader
    this.#idleMs = Math.min(IDLE_MS, keepMs)
    if (isClean && this.#idleMs > 0 && this.#socket.writable && this.#socket.writableLength === 0) {
      this.#phase = 'idle'
      this.#since = performance.now()
      this.#home.onFree(this)
    } else this.#leave()
    owner?.onDone(trailers)
  }

  #ended(): void {
    if (this.#owner !== undefined && this.#reader.end() === 'done') this.#finish(false)
    else this.#fail('closed', fault('UPSTREAM_CLOSED', 'the other side closed'))
  }

  #fail(failure: Failure, error: Error): void {
    if (this.#phase === 'gone') return
    const wasConnecting = this.#phase === 'connecting'
    const owner = this.#owner
    this.drop()
    if (owner === undefined) return
    const isTimeout = failure === 'timed_out' || (error as NodeJS.ErrnoException).code === 'ETIMEDOUT'
    owner.onFault(isTimeout ? 'timed_out' : wasConnecting ? 'not_connected' : failure, error)
  }

  #leave(): void {
    if (this.#phase === 'gone') return
    this.#phase = 'gone'
    this.#home.onGone(this)
    this.#socket.destroy()
  }
}

function fault(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
