/** The bets on a rate below the tested one: as shares of it. */
const SHARES = [0.02, 0.1, 0.25, 0.5] as const
/** The evidence at which the tested rate is ruled out with 95 % confidence. */
export const PASSING_EVIDENCE = 20
/** A bound is given to this precision. */
const PRECISION = 1e-6

/** What a guard has counted. */
export interface Counts {
  readonly outcomes: number
  readonly failures: number
}

/**
 * The evidence against "at least `rate` of the outcomes fail", for a rate in (0, 1): a test supermartingale like that of
 * the failing guard, so it may be read after every outcome. The order of the outcomes does not matter.
 */
export function passingEvidence({ outcomes, failures }: Counts, rate: number): number {
  const successes = outcomes - failures
  let sum = 0
  for (const share of SHARES) {
    sum += Math.exp(failures * Math.log(share) + successes * Math.log((1 - rate * share) / (1 - rate)))
  }
  return Math.min(sum / SHARES.length, Number.MAX_VALUE)
}

/**
 * The smallest failure rate that the outcomes rule out with 95 % confidence, rounded up to a millionth; undefined when
 * they rule out no rate below 1.
 */
export function passingBound(counts: Counts): number | undefined {
  // The evidence grows with the rate.
  let low = 0
  let high = 1 - PRECISION
  if (counts.outcomes === 0 || passingEvidence(counts, high) < PASSING_EVIDENCE) return undefined
  while (high - low > PRECISION / 2) {
    const middle = (low + high) / 2
    if (passingEvidence(counts, middle) >= PASSING_EVIDENCE) high = middle
    else low = middle
  }
  return high
}
