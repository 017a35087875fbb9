/** Topics that change with every flow. What shows them is read again at a calm pace. */
const BUSY_TOPICS: ReadonlySet<string> = new Set(['outcomes', 'guards', 'gateways', 'credentials'])
const BUSY_MS = 4_000
const CALM_MS = 1_000

/**
 * Collects what has changed, so that the same part of a page is read again at most once a second, and what changes with
 * the traffic every four seconds. The first change of a topic passes at once. While it is paused, such as in a tab that
 * is not looked at, changes wait.
 */
export class ChangeCollector {
  readonly #pass: (topics: readonly string[]) => void
  readonly #waiting = new Set<string>()
  readonly #passedAt = new Map<string, number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isPaused = false

  /** @param pass is given the topics that may be read again now */
  constructor(pass: (topics: readonly string[]) => void) {
    this.#pass = pass
  }

  add(topics: readonly string[]): void {
    for (const topic of topics) this.#waiting.add(topic)
    this.#passDue()
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#passDue()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#waiting.clear()
  }

  #passDue(): void {
    clearTimeout(this.#timer)
    if (this.#isPaused || this.#waiting.size === 0) return
    const now = Date.now()
    const due = [...this.#waiting].filter((topic) => this.#dueAt(topic) <= now)
    for (const topic of due) {
      this.#waiting.delete(topic)
      this.#passedAt.set(topic, now)
    }
    if (due.length > 0) this.#pass(due)
    if (this.#waiting.size === 0) return
    const next = Math.min(...[...this.#waiting].map((topic) => this.#dueAt(topic)))
    this.#timer = setTimeout(() => this.#passDue(), next - now)
  }

  #dueAt(topic: string): number {
    const last = this.#passedAt.get(topic)
    return last === undefined ? 0 : last + (BUSY_TOPICS.has(topic) ? BUSY_MS : CALM_MS)
  }
}
