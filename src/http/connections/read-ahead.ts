import type { Socket } from 'node:net'

/** Limits the pipelined bytes that all connections of one server may hold together. */
export class ReadAheadBudget {
  readonly #most: number
  #held = 0

  constructor(most = 16 << 20) {
    this.#most = most
  }

  take(count: number): boolean {
    if (this.#held + count > this.#most) return false
    this.#held += count
    return true
  }

  giveBack(count: number): void {
    this.#held -= count
  }
}

/**
 * The bytes a client sent after a request that is still being answered: it holds those of one read, and leaves the rest
 * unread.
 */
export class ReadAhead {
  readonly #socket: Socket
  readonly #budget: ReadAheadBudget
  #held: Buffer | undefined
  #isPaused = false

  constructor(socket: Socket, budget: ReadAheadBudget) {
    this.#socket = socket
    this.#budget = budget
  }

  /** Whether nothing is held. */
  get isEmpty(): boolean {
    return this.#held === undefined
  }

  /**
   * Holds the bytes and pauses reading. Returns false if the budget is exhausted: then nothing is held, and the
   * connection must close after the current response.
   */
  hold(bytes: Buffer): boolean {
    this.#pause()
    if (!this.#budget.take(bytes.length)) return false
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes])
    return true
  }

  /** Returns the held bytes and releases them. */
  take(): Buffer | undefined {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#budget.giveBack(held.length)
    return held
  }

  /** Discards the held bytes and resumes reading. */
  drop(): void {
    this.take()
    this.resume()
  }

  /** Resumes reading from the connection. */
  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
    setReading(this.#socket, true)
  }

  #pause(): void {
    this.#isPaused = true
    this.#socket.pause()
    setReading(this.#socket, false)
    // A paused stream starts reading again on the next tick, until its own buffer is full.
    setImmediate(() => {
      if (this.#isPaused) setReading(this.#socket, false)
    })
  }
}

/** Stops and starts reading as `net.Socket` does when its reader falls behind or has caught up. */
function setReading(socket: Socket, reading: boolean): void {
  const { _handle: handle } = socket as unknown as { _handle?: Handle | null }
  if (!handle || socket.destroyed || handle.reading === reading) return
  handle.reading = reading
  if (reading) handle.readStart()
  else handle.readStop()
}

interface Handle {
  reading: boolean
  readStart(): void
  readStop(): void
}
