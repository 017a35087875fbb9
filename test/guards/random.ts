/** A generator of uniform numbers in [0, 1) that repeats with its seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The number of successes among `count` trials. */
export function binomial(random: () => number, count: number, rate: number): number {
  let hits = 0
  for (let trial = 0; trial < count; trial++) if (random() < rate) hits++
  return hits
}

/** The value below which a share of the values is; Infinity counts as a value. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}
