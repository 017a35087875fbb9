import { crc32 } from 'node:zlib'

/** Buckets of the percentage-of-actors gate: a thousandth of a percent each. */
export const BUCKETS = 100_000

/**
 * The bucket, 0 to 99,999, of an actor for a flag: Flipper's `crc32(flag name + actor id) % 100000`. The flag's name is
 * part of it, so that two flags pick independent cohorts. Must never change: it would reshuffle who is moved.
 */
export function bucketOf(flag: string, actor: string): number {
  return crc32(flag + actor) % BUCKETS
}

/** Whether a bucket lies within a percentage: Flipper's rule, so that a cohort picked by Flipper is picked again. */
export function isWithin(bucket: number, percentage: number): boolean {
  return bucket < percentage * 1_000
}
