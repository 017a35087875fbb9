const WAYS = 8

/** What is remembered of one hash; `until` in seconds since the epoch. */
export interface Fingerprint {
  readonly until: number
  readonly note: number
  readonly owner: number
}

/**
 * Remembers a small note for each of many hashes until a given second. Memory is bounded: 21 bytes per entry, allocated
 * on first use. A full bucket evicts the entry that ends first.
 */
export class FingerprintTable {
  readonly #buckets: number
  #high = new Uint32Array(0)
  #low = new Uint32Array(0)
  /** Seconds; 0 for an empty slot. */
  #until = new Uint32Array(0)
  #note = new Uint8Array(0)
  #owner = new Float64Array(0)

  /** @param capacity maximum number of entries, rounded up to a power of two */
  constructor(capacity: number) {
    this.#buckets = 2 ** Math.max(0, Math.ceil(Math.log2(capacity / WAYS)))
  }

  /**
   * Stores a note.
   *
   * @param hash any text; 64 bits of it count
   * @param variant separates uses of one hash
   * @param until seconds since the epoch
   * @param note 0 to 255, and a number of any size that it belongs to
   */
  set(hash: string, variant: number, until: number, [note, owner]: readonly [number, number]): void {
    if (this.#until.length === 0) this.#allocate()
    const [high, low] = mix(hash, variant)
    const at = this.#placeFor(high, low)
    this.#high[at] = high
    this.#low[at] = low
    this.#until[at] = Math.min(Math.max(1, Math.ceil(until)), 0xffff_ffff)
    this.#note[at] = note
    this.#owner[at] = owner
  }

  /** Returns the note and the second until which it holds, even if that has passed; undefined if it is not known. */
  get(hash: string, variant: number): Fingerprint | undefined {
    if (this.#until.length === 0) return undefined
    const [high, low] = mix(hash, variant)
    const at = this.#find(high, low)
    return at < 0
      ? undefined
      : {
          until: this.#until[at] as number,
          note: this.#note[at] as number,
          owner: this.#owner[at] as number,
        }
  }

  #find(high: number, low: number): number {
    const start = this.#bucketOf(low)
    for (let at = start; at < start + WAYS; at++) {
      if (this.#high[at] === high && this.#low[at] === low && this.#until[at] !== 0) return at
    }
    return -1
  }

  #placeFor(high: number, low: number): number {
    const known = this.#find(high, low)
    if (known >= 0) return known
    const start = this.#bucketOf(low)
    let first = start
    for (let at = start; at < start + WAYS; at++) {
      if ((this.#until[at] as number) < (this.#until[first] as number)) first = at
    }
    return first
  }

  #bucketOf(low: number): number {
    return (low % this.#buckets) * WAYS
  }

  #allocate(): void {
    const length = this.#buckets * WAYS
    this.#high = new Uint32Array(length)
    this.#low = new Uint32Array(length)
    this.#until = new Uint32Array(length)
    this.#note = new Uint8Array(length)
    this.#owner = new Float64Array(length)
  }
}

/** Two independent 32-bit sums of a text that is already a keyed hash, so that no one can aim for equal ones. */
function mix(text: string, variant: number): [high: number, low: number] {
  let high = 0x811c_9dc5 ^ variant
  let low = 0x9e37_79b1 ^ variant
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    high = Math.imul(high ^ code, 0x0100_0193)
    low = Math.imul(low ^ code, 0x85eb_ca6b) ^ (low >>> 15)
  }
  return [(high ^ (high >>> 16)) >>> 0, (low ^ (low >>> 13)) >>> 0]
}
