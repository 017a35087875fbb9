import type { Socket } from 'node:net'

/** How many bytes all connections of one server together may hold that came ahead of their turn. */
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

/** What a client sent behind a request that is still being answered: what one read brought, the rest is not read. */
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
   * Holds what came and has no more read. Returns false when the budget is used up: then nothing is held, and the
   * connection must be closed behind the answer that is under way.
   */
  hold(bytes: Buffer): boolean {
    this.#pause()
    if (!this.#budget.take(bytes.length)) return false
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes])
    return true
  }

  /** Returns what is held, which is held no more. */
  take(): Buffer | undefined {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#budget.giveBack(held.length)
    return held
  }

  /** Gives up what is held and has the connection read again. */
  drop(): void {
    this.take()
    this.resume()
  }

  /** Has the connection read again. */
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
    // A paused stream begins to read again at the next tick, until its own buffer is full.
    setImmediate(() => {
      if (this.#isPaused) setReading(this.#socket, false)
    })
  }
}

/** What `net.Socket` does itself when its reader falls behind and when it has caught up. */
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
