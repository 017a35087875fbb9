/** Requests to OAuth endpoints and pages, and all others. Neither kind can starve the other. */
export type Traffic = 'oauth' | 'other'

/** Why a request gets no connection: the queue is full, or the request has waited too long. */
export type QueueRefusal = 'full' | 'timeout'

/** A request that waits for a connection. Exactly one of the two methods is called, once. */
export interface Waiter {
  /** A connection is free and already counts as taken. */
  onTurn(): void
  onRefusal(why: QueueRefusal): void
}

/** The number of connections, and the queue for requests beyond it. */
export interface ConnectionLimits {
  /** Maximum number of connections in use at a time. */
  readonly max: number
  /** Number of connections that each kind of traffic leaves to the other. */
  readonly reserved: number
  /** Maximum number of queued requests of each kind. */
  readonly queueLength: number
  /** Maximum time in the queue, in milliseconds. */
  readonly queueMs: number
}

/** Connection counts for metrics. */
export interface ConnectionCounts {
  readonly inUse: number
  readonly queued: number
  readonly refusals: Readonly<Record<QueueRefusal, number>>
}

/**
 * Bounds the number of connections to one upstream in use at a time, across transports. Beyond the bound, requests wait in a
 * bounded queue for a bounded time, first come, first served. It only counts and opens no connection itself.
 */
export class ConnectionLimit {
  readonly #max: number
  readonly #lines: Readonly<Record<Traffic, Line>>
  #isServing = false

  constructor({ max, reserved, queueLength, queueMs }: ConnectionLimits) {
    this.#max = max
    const line = () => new Line(max - reserved, queueLength, queueMs)
    this.#lines = { oauth: line(), other: line() }
  }

  /**
   * Takes a connection and returns true; otherwise queues or refuses `waiter`, notifies it later, and returns false.
   */
  take(traffic: Traffic, waiter: Waiter): boolean {
    const line = this.#lines[traffic]
    if (line.isEmpty && line.hasRoom && this.#inUse < this.#max) {
      line.inUse++
      return true
    }
    line.add(waiter)
    return false
  }

  /** Releases a connection; it goes to the longest-waiting request that is entitled to it. */
  giveBack(traffic: Traffic): void {
    this.#lines[traffic].inUse--
    // A waiter may release its connection at once: the loop that served it then continues.
    if (this.#isServing) return
    this.#isServing = true
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) next.serve()
    } finally {
      this.#isServing = false
    }
  }

  /** Leaves the queue. */
  leave(traffic: Traffic, waiter: Waiter): void {
    this.#lines[traffic].remove(waiter)
  }

  counts(traffic: Traffic): ConnectionCounts {
    const { inUse, queued, refusals } = this.#lines[traffic]
    return { inUse, queued, refusals }
  }

  get #inUse(): number {
    return this.#lines.oauth.inUse + this.#lines.other.inUse
  }

  #next(): Line | undefined {
    if (this.#inUse >= this.#max) return undefined
    const { oauth, other } = this.#lines
    const mayOauth = !oauth.isEmpty && oauth.hasRoom
    const mayOther = !other.isEmpty && other.hasRoom
    if (mayOauth && mayOther) return oauth.oldest <= other.oldest ? oauth : other
    return mayOauth ? oauth : mayOther ? other : undefined
  }
}

/** The requests of one kind: how many have a connection, and which are waiting. */
class Line {
  readonly #max: number
  readonly #length: number
  readonly #waitMs: number
  /** Each waiter with the start of its wait, the longest first. */
  readonly #waiting = new Map<Waiter, number>()
  readonly refusals = { full: 0, timeout: 0 }
  #timer: NodeJS.Timeout | undefined
  inUse = 0

  constructor(max: number, length: number, waitMs: number) {
    this.#max = max
    this.#length = length
    this.#waitMs = waitMs
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  get hasRoom(): boolean {
    return this.inUse < this.#max
  }

  get queued(): number {
    return this.#waiting.size
  }

  /** The start of the first waiter's wait. */
  get oldest(): number {
    return this.#waiting.values().next().value ?? Number.POSITIVE_INFINITY
  }

  add(waiter: Waiter): void {
    if (this.#waiting.size >= this.#length) {
      this.refusals.full++
      return waiter.onRefusal('full')
    }
    this.#waiting.set(waiter, performance.now())
    this.#timer ??= setTimeout(this.#expire, this.#waitMs)
  }

  serve(): void {
    const waiter = this.#waiting.keys().next().value
    if (waiter === undefined) return
    this.remove(waiter)
    this.inUse++
    waiter.onTurn()
  }

  remove(waiter: Waiter): void {
    this.#waiting.delete(waiter)
    if (this.#waiting.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** All requests wait equally long, so one timer for the first is enough. */
  readonly #expire = (): void => {
    const now = performance.now()
    this.#timer = undefined
    for (const [waiter, since] of [...this.#waiting]) {
      // A timer may fire early by a fraction of a millisecond.
      if (now - since < this.#waitMs - 1) break
      if (!this.#waiting.delete(waiter)) continue
      this.refusals.timeout++
      waiter.onRefusal('timeout')
    }
    if (this.#waiting.size > 0) this.#timer ??= setTimeout(this.#expire, Math.max(1, this.oldest + this.#waitMs - now))
  }
}
