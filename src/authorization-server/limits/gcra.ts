/** A number of requests per number of seconds: a burst of that many, then evenly spaced. */
export interface Limit {
  readonly count: number
  readonly seconds: number
}

/**
 * Times are in milliseconds since the process started; adding thousands of floating-point numbers loses less than this.
 */
const ROUNDING_MS = 0.1

/**
 * How long to wait until one more request is within the limit, in milliseconds; 0 when it is now. `wholeAt` is when the
 * budget is full again, the only state of the generic cell rate algorithm (ITU-T I.371, annex A).
 */
export function waitUntilWithin(limit: Limit, wholeAt: number, now: number): number {
  const period = limit.seconds * 1_000
  const excess = Math.max(wholeAt, now) + period / limit.count - now - period
  return excess > ROUNDING_MS ? excess : 0
}

/** When the budget is full again after one more request. The debt never exceeds the budget. */
export function wholeAfterOne(limit: Limit, wholeAt: number, now: number): number {
  const period = limit.seconds * 1_000
  return Math.min(Math.max(wholeAt, now) + period / limit.count, now + period)
}
