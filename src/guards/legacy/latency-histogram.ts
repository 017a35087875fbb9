import type { Counts } from '../statistics/passing-guard.ts'

/** Each bucket reaches 15 % further than the one before; the last one holds everything from about a minute on. */
const GROWTH = Math.log(1.15)
export const LATENCY_BUCKETS = 80
/** An answer is slow at 1.5 times the 99th percentile, and at least 100 ms beyond it. */
const SLOWER = 1.5
const AT_LEAST_MS = 100
const PERCENTILE = 0.99

/** The bucket of a duration. */
export function latencyBucket(durationMs: number): number {
  const bucket = durationMs <= 1 ? 0 : Math.ceil(Math.log(durationMs) / GROWTH)
  return Math.min(LATENCY_BUCKETS - 1, Math.max(0, bucket))
}

/** From which duration on an answer is slow, in milliseconds, by the durations on legacy; undefined without any. */
export function latencyLimit(histogram: Uint16Array): number | undefined {
  const total = histogram.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let seen = 0
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
    seen += histogram[bucket] ?? 0
    if (seen >= total * PERCENTILE) {
      const percentile = Math.exp(bucket * GROWTH)
      return Math.max(percentile * SLOWER, percentile + AT_LEAST_MS)
    }
  }
  return undefined
}

/** How many answers of legacy itself were slow by a limit. */
export function slowOnLegacy(histogram: Uint16Array, limitMs: number): Counts {
  const first = latencyBucket(limitMs)
  let outcomes = 0
  let failures = 0
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
    const count = histogram[bucket] ?? 0
    outcomes += count
    if (bucket > first) failures += count
  }
  return { outcomes, failures }
}
