import type { Dispatcher } from 'undici'
import type { Failure } from '../responses/failure.ts'
import type { UpstreamRequest } from './attempt.ts'
import { LimitedAttempt } from './limited-attempt.ts'
import type { Upstream } from './upstream.ts'

const NO_TRAILERS: readonly Buffer[] = []
/** An unread response longer than this is cut off rather than read to its end. */
const MAX_DISCARDED = 64 << 10
const EARLY_HINTS = 103

/** An attempt that uses undici. */
export class UndiciAttempt extends LimitedAttempt implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined
  #state: 'waiting' | 'reading' | 'discarding' | 'over' = 'waiting'
  #discarded = 0
  #upstream: Upstream | undefined

  protected send(upstream: Upstream, request: UpstreamRequest): void {
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

  protected abort(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    // Without a controller, a connection is being opened; it counts until it is open or has failed.
    if (this.#controller !== undefined) this.#break(this.#controller)
  }

  resume(): void {
    this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // The client may have disconnected while the connection was being opened; then nothing is sent.
    if (this.#state === 'over') this.#break(controller)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    statusText?: string,
  ): void {
    if (this.#state === 'over') return
    if (status < 200) {
      if (status === EARLY_HINTS && headers['link']) this.owner.onEarlyHints(headers['link'])
      return
    }
    const length = headers['content-length']
    const raw = (controller.rawHeaders ?? []) as readonly Buffer[]
    this.#state = 'reading'
    const taken = this.owner.onHead(status, statusText ?? '', raw, typeof length === 'string' ? length : undefined)
    if (!taken && this.#state === 'reading') this.#state = 'discarding'
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'reading') {
      if (!this.owner.onData(chunk)) controller.pause()
    } else if (this.#state === 'discarding') {
      this.#discarded += chunk.length
      if (this.#discarded > MAX_DISCARDED) this.abort()
    }
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const wasReading = this.#state === 'reading'
    this.#state = 'over'
    this.giveBack()
    if (!wasReading) return
    if (this.#upstream?.isBreaking)
      this.owner.onCut('closed', Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    else this.owner.onEnd((controller.rawTrailers as readonly Buffer[] | null | undefined) ?? NO_TRAILERS)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const state = this.#state
    this.#state = 'over'
    this.giveBack()
    if (state === 'waiting') this.owner.onFailure(this.#failureOf(error), error)
    else if (state === 'reading') this.owner.onCut(this.#failureOf(error), error)
  }

  #break(controller: Dispatcher.DispatchController): void {
    controller.abort(new Error('the client went away'))
    this.giveBack()
  }

  #failureOf(error: Error): Failure {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== undefined && TIMEOUTS.has(code)) return 'timed_out'
    return this.#controller === undefined ? 'not_connected' : 'closed'
  }
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])
