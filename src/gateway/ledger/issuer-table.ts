import type { Destination } from '../../routing/index.ts'

const WAYS = 8
const SIDES = ['legacy', 'iam'] as const

/**
 * Remembers, by a 64-bit hash, which side issued a credential, until the credential expires. Memory is bounded: 13
 * bytes per entry, allocated on first use. A full bucket evicts an expired entry, otherwise the one that expires first.
 */
export class IssuerTable {
  readonly #buckets: number
  #high = new Uint32Array(0)
  #low = new Uint32Array(0)
  /** Seconds; 0 for an empty slot. */
  #expiry = new Uint32Array(0)
  #side = new Uint8Array(0)
  #size = 0
  #evictions = 0

  /** @param capacity maximum number of entries, rounded up to a power of two */
  constructor(capacity: number) {
    this.#buckets = 2 ** Math.max(0, Math.ceil(Math.log2(capacity / WAYS)))
  }

  /** Number of entries, including expired ones that have not been replaced. */
  get size(): number {
    return this.#size
  }

  /** Number of entries evicted before they expired. */
  get evictions(): number {
    return this.#evictions
  }

  /**
   * Stores the side that issued a credential.
   *
   * @param hash at least 8 bytes; only the first 8 count
   * @param expiresAt seconds, of the same clock that callers of `get` use
   * @param now seconds of the same clock
   */
  set(hash: Buffer, side: Destination, expiresAt: number, now: number): void {
    if (this.#expiry.length === 0) this.#allocate()
    const high = hash.readUInt32LE(0)
    const low = hash.readUInt32LE(4)
    const at = this.#placeFor(high, low)
    const expiry = this.#expiry[at] as number
    const isSame = expiry !== 0 && this.#high[at] === high && this.#low[at] === low
    if (expiry === 0) this.#size++
    else if (!isSame && expiry > now) this.#evictions++
    this.#high[at] = high
    this.#low[at] = low
    this.#expiry[at] = Math.min(Math.max(1, Math.ceil(expiresAt)), 0xffff_ffff)
    this.#side[at] = side === 'iam' ? 1 : 0
  }

  /** Returns the side that issued it; undefined if unknown or expired. */
  get(hash: Buffer, now: number): Destination | undefined {
    if (this.#expiry.length === 0) return undefined
    const high = hash.readUInt32LE(0)
    const low = hash.readUInt32LE(4)
    const start = this.#bucketOf(low)
    for (let at = start; at < start + WAYS; at++) {
      if (this.#high[at] === high && this.#low[at] === low) {
        return (this.#expiry[at] as number) > now ? SIDES[this.#side[at] as number] : undefined
      }
    }
    return undefined
  }

  /** The existing slot of the hash, otherwise a free one, otherwise that of the entry that expires first. */
  #placeFor(high: number, low: number): number {
    const start = this.#bucketOf(low)
    let first = start
    for (let at = start; at < start + WAYS; at++) {
      if (this.#high[at] === high && this.#low[at] === low) return at
      if ((this.#expiry[at] as number) < (this.#expiry[first] as number)) first = at
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
    this.#expiry = new Uint32Array(length)
    this.#side = new Uint8Array(length)
  }
}
