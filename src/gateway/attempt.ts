import type { Dispatcher } from 'undici'
import type { Failure } from './failure.ts'
import type { Upstream } from './upstream.ts'

/** Header names and values by turns, as they came: bytes, or text with one character a byte (latin1). */
export type RawHeaders = readonly Buffer[] | readonly string[]

/** What becomes of an attempt, told to whoever made it. Calls about the body follow only after `onHead` took it. */
export interface AttemptOwner {
  /** An answer began; `false` leaves it unread. */
  onHead(status: number, statusText: string, raw: RawHeaders, length: string | undefined): boolean
  onEarlyHints(links: string | string[]): void
  /** `false` when the client cannot take more for now; {@link Attempt.resume} goes on. */
  onData(chunk: Buffer): boolean
  onEnd(trailers: RawHeaders): void
  /** No answer began. */
  onFailure(failure: Failure, error: Error): void
  /** An answer broke off. */
  onCut(error: Error): void
}

/** What is sent to an upstream. */
export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: string[]
  readonly body: Dispatcher.DispatchOptions['body']
}

const NO_TRAILERS: readonly Buffer[] = []
/** An unread answer longer than this is cut off rather than read to its end. */
const MAX_DISCARDED = 64 << 10
const EARLY_HINTS = 103

/** One request to one upstream and its answer. It is made once and never repeats itself. */
export interface Attempt {
  start(upstream: Upstream, request: UpstreamRequest): void
  /** The client went away: nothing more is wanted. */
  cancel(): void
  resume(): void
}

/** An attempt by way of undici. */
export class UndiciAttempt implements Attempt, Dispatcher.DispatchHandler {
  readonly #owner: AttemptOwner
  #controller: Dispatcher.DispatchController | undefined
  #state: 'waiting' | 'reading' | 'discarding' | 'over' = 'waiting'
  #discarded = 0
  #upstream: Upstream | undefined

  constructor(owner: AttemptOwner) {
    this.#owner = owner
  }

  start(upstream: Upstream, request: UpstreamRequest): void {
    this.#upstream = upstream
    upstream.pool.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body,
        servername: upstream.servername,
      } as Dispatcher.DispatchOptions,
      this,
    )
  }

  cancel(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#controller?.abort(new Error('the client went away'))
  }

  resume(): void {
    this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // The client may have gone while the connection was being made; then nothing is sent.
    if (this.#state === 'over') controller.abort(new Error('the client went away'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    statusText?: string,
  ): void {
    if (this.#state === 'over') return
    if (status < 200) {
      if (status === EARLY_HINTS && headers['link']) this.#owner.onEarlyHints(headers['link'])
      return
    }
    const length = headers['content-length']
    const raw = (controller.rawHeaders ?? []) as readonly Buffer[]
    this.#state = 'reading'
    const taken = this.#owner.onHead(status, statusText ?? '', raw, typeof length === 'string' ? length : undefined)
    if (!taken && this.#state === 'reading') this.#state = 'discarding'
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'reading') {
      if (!this.#owner.onData(chunk)) controller.pause()
    } else if (this.#state === 'discarding') {
      this.#discarded += chunk.length
      if (this.#discarded > MAX_DISCARDED) this.cancel()
    }
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const wasReading = this.#state === 'reading'
    this.#state = 'over'
    if (!wasReading) return
    if (this.#upstream?.isBreaking) this.#owner.onCut(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    else this.#owner.onEnd((controller.rawTrailers as readonly Buffer[] | null | undefined) ?? NO_TRAILERS)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const state = this.#state
    this.#state = 'over'
    if (state === 'waiting') this.#owner.onFailure(this.#failureOf(error), error)
    else if (state === 'reading') this.#owner.onCut(error)
  }

  #failureOf(error: Error): Failure {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== undefined && TIMEOUTS.has(code)) return 'timed_out'
    return this.#controller === undefined ? 'not_connected' : 'closed'
  }
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT'])
