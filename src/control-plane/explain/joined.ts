import { setTimeout as pause } from 'node:timers/promises'

/**
 * Computations that many callers request at about the same time, such as after a change that all their pages show. Each
 * caller receives a value whose computation began after its request, so it is never older than the change; callers
 * that arrive before a computation begins share it. For each key, at most one runs at a time, and at most one begins every `gapMs`.
 */
export class Joined<Key, Value> {
  readonly #compute: (key: Key) => Promise<Value>
  readonly #gapMs: number
  readonly #next = new Map<string, Promise<Value>>()
  readonly #running = new Map<string, Promise<Value>>()
  readonly #begunAt = new Map<string, number>()

  constructor(compute: (key: Key) => Promise<Value>, gapMs: number) {
    this.#compute = compute
    this.#gapMs = gapMs
  }

  get(key: Key): Promise<Value> {
    const name = JSON.stringify(key)
    const waiting = this.#next.get(name)
    if (waiting !== undefined) return waiting
    const next = this.#begin(name, key)
    this.#next.set(name, next)
    return next
  }

  async #begin(name: string, key: Key): Promise<Value> {
    await this.#running.get(name)?.catch(() => {})
    const waitMs = (this.#begunAt.get(name) ?? Number.NEGATIVE_INFINITY) + this.#gapMs - performance.now()
    // Also without a pause, callers in the same turn of the event loop share the computation.
    await pause(Math.max(0, waitMs))
    this.#next.delete(name)
    this.#begunAt.set(name, performance.now())
    if (this.#begunAt.size > MOST_KEYS) this.#begunAt.clear()
    const running = this.#compute(key).finally(() => this.#running.delete(name))
    this.#running.set(name, running)
    return running
  }
}

const MOST_KEYS = 10_000
