/** So many lines of one kind in so many seconds. */
export interface LineAllowance {
  readonly count: number
  readonly seconds: number
}

/** How many lines of each kind a period went without. */
export type LeftOut = Readonly<Record<string, number>>

/**
 * Bounds the lines that strangers can cause: the first of each kind in a period are written, the others counted.
 * Kinds have budgets of their own, so that much of one does not hide another. `tell` hears at the end of each period
 * what it went without; a period in which nothing was left out is passed over in silence.
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

  /** Whether a line of this kind is to be written. Kinds must come from a fixed list. */
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
    // A flood that stops is told of too; a process that has nothing else to do need not wait for that.
    this.#timer ??= setTimeout(() => this.close(), this.#since + periodMs - now).unref()
    return false
  }

  /** Ends the period, telling what it went without. */
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
