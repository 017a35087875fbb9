import type { Failure } from '../responses/failure.ts'
import type { AttemptOwner, UpstreamRequest } from '../upstream/attempt.ts'
import { LimitedAttempt } from '../upstream/limited-attempt.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { ResponseOwner, UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** The fast path's connections, by side. */
export interface Pools {
  readonly legacy: UpstreamPool
  readonly iam: UpstreamPool
}

/** An unread response longer than this is cut off rather than read to its end. */
const MAX_DISCARDED = 64 << 10
const EARLY_HINTS = 103

/** An attempt that uses the fast path's own connections. */
export class FastPathAttempt extends LimitedAttempt implements ResponseOwner {
  readonly #pools: Pools
  #connection: UpstreamConnection | undefined
  #state: 'waiting' | 'reading' | 'discarding' | 'over' = 'waiting'
  #discarded = 0
  wantsMore = true

  constructor(pools: Pools, owner: AttemptOwner) {
    super(owner)
    this.#pools = pools
  }

  protected send(upstream: Upstream, request: UpstreamRequest): void {
    this.#connection = this.#pools[upstream.destination].send(requestText(request), this)
  }

  protected abort(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#connection?.drop()
    this.giveBack()
  }

  resume(): void {
    this.wantsMore = true
    if (this.#state === 'reading') this.#connection?.resume()
  }

  onInterim(head: ResponseHead): void {
    if (head.status !== EARLY_HINTS) return
    const links = head.raw.filter((_, at) => at % 2 === 1 && head.raw[at - 1]?.toLowerCase() === 'link')
    if (links.length > 0) this.owner.onEarlyHints(links)
  }

  onHead(head: ResponseHead): void {
    this.#state = 'reading'
    const taken = this.owner.onHead(head.status, head.statusText, head.raw, head.length)
    if (!taken && this.#state === 'reading') this.#state = 'discarding'
  }

  onBody(piece: Buffer): void {
    if (this.#state === 'reading') this.wantsMore = this.owner.onData(piece)
    else if (this.#state === 'discarding') {
      this.#discarded += piece.length
      if (this.#discarded > MAX_DISCARDED) this.abort()
    }
  }

  onDone(trailers: readonly string[]): void {
    const wasReading = this.#state === 'reading'
    this.#state = 'over'
    this.giveBack()
    if (wasReading) this.owner.onEnd(trailers)
  }

  onFault(failure: Failure, error: Error): void {
    const state = this.#state
    this.#state = 'over'
    this.giveBack()
    if (state === 'waiting') this.owner.onFailure(failure, error)
    else if (state === 'reading') this.owner.onCut(failure, error)
  }
}

/** Serializes a request, one character per byte. Its parts were read strictly, so none of them can end a line. */
function requestText(request: UpstreamRequest): string {
  const { headers, body } = request
  let text = `${request.method} ${request.path} HTTP/1.1\r\n`
  for (let at = 0; at < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`
  text += 'Connection: keep-alive\r\n\r\n'
  return Buffer.isBuffer(body) ? text + body.toString('latin1') : text
}
