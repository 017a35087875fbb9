import type { Attempt, AttemptOwner, UpstreamRequest } from './attempt.ts'
import type { QueueRefusal, Waiter } from './connection-limit.ts'
import type { Upstream } from './upstream.ts'

/** An attempt that waits for its turn while all connections to its upstream are in use. */
export abstract class LimitedAttempt implements Attempt, Waiter {
  protected readonly owner: AttemptOwner
  #upstream: Upstream | undefined
  #request: UpstreamRequest | undefined
  #place: 'none' | 'queued' | 'held' = 'none'

  constructor(owner: AttemptOwner) {
    this.owner = owner
  }

  abstract resume(): void
  /** Sends the request on a connection; {@link giveBack} must follow once the connection is no longer in use. */
  protected abstract send(upstream: Upstream, request: UpstreamRequest): void
  /** Aborts a request that has been sent. */
  protected abstract abort(): void

  get isQueued(): boolean {
    return this.#place === 'queued'
  }

  start(upstream: Upstream, request: UpstreamRequest): void {
    this.#upstream = upstream
    this.#request = request
    this.#place = 'queued'
    if (upstream.connections.take(request.traffic, this)) this.onTurn()
  }

  cancel(): void {
    if (this.#place !== 'queued') return this.abort()
    this.#place = 'none'
    if (this.#request !== undefined) this.#upstream?.connections.leave(this.#request.traffic, this)
  }

  onTurn(): void {
    if (this.#upstream === undefined || this.#request === undefined) return
    this.#place = 'held'
    try {
      this.send(this.#upstream, this.#request)
    } catch (error) {
      this.giveBack()
      this.owner.onFailure('closed', error as Error)
    }
  }

  onRefusal(why: QueueRefusal): void {
    this.#place = 'none'
    const message = why === 'full' ? 'too many requests wait for a connection' : 'no connection became free in time'
    this.owner.onFailure(
      'overloaded',
      Object.assign(new Error(message), { code: `UPSTREAM_QUEUE_${why.toUpperCase()}` }),
    )
  }

  /** Releases the connection when it is free or gone. Only the first call counts. */
  protected giveBack(): void {
    if (this.#place !== 'held' || this.#request === undefined) return
    this.#place = 'none'
    this.#upstream?.connections.giveBack(this.#request.traffic)
  }
}
