/** So many in so many seconds: that many at once, then evenly. */
export interface Limit {
  readonly count: number
  readonly seconds: number
}

/** Times are in milliseconds since the process began; adding thousands of real numbers up loses less than this. */
const ROUNDING_MS = 0.1

/**
 * How long to wait until one more is within the limit, in milliseconds; 0 when it is now. `wholeAt` is when all of the
 * budget is there again: the one number that the generic cell rate algorithm keeps (ITU-T I.371, annex A).
 */
export function waitUntilWithin(limit: Limit, wholeAt: number, now: number): number {
  const period = limit.seconds * 1_000
  const excess = Math.max(wholeAt, now) + period / limit.count - now - period
  return excess > ROUNDING_MS ? excess : 0
}

/** When the budget is whole again after one more. It never runs up more debt than the budget is. */
export function wholeAfterOne(limit: Limit, wholeAt: number, now: number): number {
  const period = limit.seconds * 1_000
  return Math.min(Math.max(wholeAt, now) + period / limit.count, now + period)
}
