/** Ids in ascending order; a page after any id is found by bisection. */
export class SortedIds {
  readonly #ids: number[] = []

  /** Adds an id that may already be present. Cheapest for an id above all others. */
  add(id: number): void {
    const at = this.#firstFrom(id)
    if (this.#ids[at] !== id) this.#ids.splice(at, 0, id)
  }

  remove(id: number): void {
    const at = this.#firstFrom(id)
    if (this.#ids[at] === id) this.#ids.splice(at, 1)
  }

  /** Up to `count` ids greater than `id`. */
  after(id: number, count: number): readonly number[] {
    const from = this.#firstFrom(id + 1)
    return this.#ids.slice(from, from + count)
  }

  /** The index of the first id that is at least `id`. */
  #firstFrom(id: number): number {
    let [low, high] = [0, this.#ids.length]
    const last = this.#ids.at(-1)
    if (last !== undefined && last < id) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ids[middle] ?? 0) < id) low = middle + 1
      else high = middle
    }
    return low
  }
}
