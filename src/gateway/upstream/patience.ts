/** What waits until a time limit that is the same for all. */
export interface Waiting {
  /** The limit has passed. Called once, and never after {@link Patience.end}. */
  onTooLong(): void
}

/**
 * One time limit for many that wait equally long, with a single timer: a request must not cost a timer of its own, and
 * nearly all end before the limit.
 */
export class Patience {
  readonly #ms: number
  /** Each with the start of its wait, the longest first. */
  readonly #waiting = new Map<Waiting, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  begin(one: Waiting): void {
    this.#waiting.set(one, performance.now())
    this.#timer ??= setTimeout(this.#expire, this.#ms)
  }

  end(one: Waiting): void {
    this.#waiting.delete(one)
  }

  /** Stops the timer; nothing that still waits is called. */
  close(): void {
    this.#waiting.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  readonly #expire = (): void => {
    this.#timer = undefined
    const now = performance.now()
    for (const [one, since] of this.#waiting) {
      // A timer may fire early by a fraction of a millisecond.
      if (now - since < this.#ms - 1) {
        this.#timer ??= setTimeout(this.#expire, Math.max(1, since + this.#ms - now))
        return
      }
      this.#waiting.delete(one)
      one.onTooLong()
    }
  }
}
