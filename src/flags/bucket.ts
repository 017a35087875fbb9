import { crc32 } from 'node:zlib'

/** Buckets of the percentage-of-actors gate: a thousandth of a percent each. */
export const BUCKETS = 100_000

/**
 * The bucket, 0 to 99,999, of an actor for a flag: Flipper's `crc32(flag name + actor id) % 100000`. The flag's name is
 * part of it, so that two flags select independent cohorts. Must never change: that would reshuffle the cohorts.
 */
export function bucketOf(flag: string, actor: string): number {
  return crc32(flag + actor) % BUCKETS
}

/** Whether a bucket lies within a percentage: Flipper's rule, so that it selects the same cohort as Flipper. */
export function isWithin(bucket: number, percentage: number): boolean {
  return bucket < percentage * 1_000
}
