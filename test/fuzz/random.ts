/** A source of pseudo-random numbers that is cheap enough for a hundred million cases, and equal for equal seeds. */
export class Random {
  #state = 1

  /** Starts the sequence of one case, so that a case can be repeated without those before it. */
  begin(seed: number, number: number): void {
    this.#state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(number + 1, 0xc2b2_ae35) || 1
    for (let round = 0; round < 4; round++) this.below(2)
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (state >>> 0) % limit
  }

  /** Whether an event of the probability 1 in `odds` happens. */
  oneIn(odds: number): boolean {
    return this.below(odds) === 0
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item
  }
}
