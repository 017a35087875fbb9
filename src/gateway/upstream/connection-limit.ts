/** Requests to OAuth endpoints and pages, and all others. Neither kind can keep the other from an upstream. */
export type Traffic = 'oauth' | 'other'

/** Why a request gets no connection: too many wait already, or it has waited too long. */
export type QueueRefusal = 'full' | 'timeout'

/** What waits for a connection. One of the two is called, once. */
export interface Waiter {
  /** A connection is free and counts as taken. */
  onTurn(): void
  onRefusal(why: QueueRefusal): void
}

/** How many connections, and what becomes of requests beyond that. */
export interface ConnectionLimits {
  /** Connections in use at a time. */
  readonly max: number
  /** How many of them each kind of traffic leaves to the other. */
  readonly reserved: number
  /** How many requests of each kind may wait, */
  readonly queueLength: number
  /** and for how long. */
  readonly queueMs: number
}

/** For a metric. */
export interface ConnectionCounts {
  readonly inUse: number
  readonly queued: number
  readonly refusals: Readonly<Record<QueueRefusal, number>>
}

/**
 * Bounds the connections to one upstream that are in use at a time, whichever lane uses them. Beyond the bound requests
 * wait, first come, first served, within a bounded queue and a bounded time. It counts; it opens no connection.
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

  /** Takes a connection and returns true; else queues or refuses `waiter`, which hears of it, and returns false. */
  take(traffic: Traffic, waiter: Waiter): boolean {
    const line = this.#lines[traffic]
    if (line.isEmpty && line.hasRoom && this.#inUse < this.#max) {
      line.inUse++
      return true
    }
    line.add(waiter)
    return false
  }

  /** Gives a connection back; the request that has waited longest and may have it gets it. */
  giveBack(traffic: Traffic): void {
    this.#lines[traffic].inUse--
    // A turn may end at once: then the loop that began it goes on.
    if (this.#isServing) return
    this.#isServing = true
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) next.serve()
    } finally {
      this.#isServing = false
    }
  }

  /** Gives up waiting. */
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

/** The requests of one kind: how many have a connection, and which wait. */
class Line {
  readonly #max: number
  readonly #length: number
  readonly #waitMs: number
  /** With the time since which each has waited, the longest first. */
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

  /** Since when the first one has waited. */
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

  /** All wait equally long, so that one timer, for the first, is enough. */
  readonly #expire = (): void => {
    const now = performance.now()
    this.#timer = undefined
    for (const [waiter, since] of [...this.#waiting]) {
      // A timer may be early by a fraction of a millisecond.
      if (now - since < this.#waitMs - 1) break
      if (!this.#waiting.delete(waiter)) continue
      this.refusals.timeout++
      waiter.onRefusal('timeout')
    }
    if (this.#waiting.size > 0) this.#timer ??= setTimeout(this.#expire, Math.max(1, this.oldest + this.#waitMs - now))
  }
}
