/** At most `count` lines of one kind in `seconds` seconds. */
export interface LineAllowance {
  readonly count: number
  readonly seconds: number
}

/** Number of suppressed lines in one period, by kind. */
export type LeftOut = Readonly<Record<string, number>>

/**
 * Bounds the log lines that unknown clients can cause: the first of each kind in a period are written, the others
 * counted. Each kind has a separate budget, so that a flood of one does not hide another. Calls `tell` with the
 * suppressed counts at the end of each period, unless nothing was suppressed.
 */
export class LineBudget {
  readonly #allowance: LineAllowance | undefined
  readonly #tell: (leftOut: LeftOut, seconds: number) => void
  readonly #seen = new Map<string, number>()
  #since = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /** @param allowance undefined admits every line */
  constructor(allowance: LineAllowance | undefined, tell: (leftOut: LeftOut, seconds: number) => void) {
    this.#allowance = allowance
    this.#tell = tell
  }

  /** Whether to write a line of this kind. Kinds must come from a fixed list. */
  admit(kind: string): boolean {
    if (this.#allowance === undefined) return true
    const periodMs = this.#allowance.seconds * 1_000
    const now = performance.now()
    if (now - this.#since >= periodMs) {
      this.close()
      this.#since = now
    }
    const count = (this.#seen.get(kind) ?? 0) + 1
    this.#seen.set(kind, count)
    if (count <= this.#allowance.count) return true
    // Reports a flood that has stopped, too; the timer does not keep the process alive.
    this.#timer ??= setTimeout(() => this.close(), this.#since + periodMs - now).unref()
    return false
  }

  /** Ends the period and reports its suppressed lines. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const allowance = this.#allowance
    if (allowance === undefined) return
    const over = [...this.#seen].filter(([, count]) => count > allowance.count)
    this.#seen.clear()
    this.#since = Number.NEGATIVE_INFINITY
    if (over.length === 0) return
    this.#tell(Object.fromEntries(over.map(([kind, count]) => [kind, count - allowance.count])), allowance.seconds)
  }
}
