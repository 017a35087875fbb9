/** A value, and when it was computed, in milliseconds of the monotonic clock. */
interface Held<Value> {
  readonly value: Value
  readonly at: number
}

/**
 * Values that are expensive to compute and may be a little old. A value younger than `freshMs` is returned as it is; an
 * older one too, while one new computation runs; one older than `usableMs` is waited for. Only the last `most` keys are
 * kept.
 */
export class Renewed<Key, Value> {
  readonly #compute: (key: Key) => Promise<Value>
  readonly #limits: { readonly freshMs: number; readonly usableMs: number; readonly most: number }
  readonly #held = new Map<string, Held<Value>>()
  readonly #running = new Map<string, Promise<Value>>()

  constructor(
    compute: (key: Key) => Promise<Value>,
    limits: { readonly freshMs: number; readonly usableMs: number; readonly most: number },
  ) {
    this.#compute = compute
    this.#limits = limits
  }

  /** Rejects only when there is no usable value and computing one fails. */
  async get(key: Key): Promise<Value> {
    const name = JSON.stringify(key)
    const held = this.#held.get(name)
    const age = held === undefined ? Number.POSITIVE_INFINITY : performance.now() - held.at
    if (held !== undefined && age < this.#limits.freshMs) return held.value
    const next = this.#running.get(name) ?? this.#renew(name, key)
    if (held === undefined || age > this.#limits.usableMs) return next
    next.catch(() => {})
    return held.value
  }

  #renew(name: string, key: Key): Promise<Value> {
    const at = performance.now()
    const running = this.#compute(key)
      .then((value) => {
        this.#held.delete(name)
        this.#held.set(name, { value, at })
        const [oldest] = this.#held.keys()
        if (this.#held.size > this.#limits.most && oldest !== undefined) this.#held.delete(oldest)
        return value
      })
      .finally(() => this.#running.delete(name))
    this.#running.set(name, running)
    return running
  }
}
