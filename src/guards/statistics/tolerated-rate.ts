import type { Counts } from './passing-guard.ts'

/** A Beta distribution, as what is known of a failure rate before its outcomes are looked at. */
export interface RatePrior {
  readonly a: number
  readonly b: number
}

/** Before an application's cohort has members with enough outcomes. */
export const DEFAULT_PRIOR: RatePrior = { a: 1, b: 30 }
/** A member with fewer outcomes says too little of its rate to shape the prior. */
const MEMBER_OUTCOMES = 200
const LIGHTEST_PRIOR = 30
const HEAVIEST_PRIOR = 200
/** An application with fewer outcomes on legacy has a weak baseline. */
export const WEAK_BASELINE = 50
/** Only the last outcomes on legacy count. */
export const BASELINE_OUTCOMES = 1_000
const CONFIDENCE = 0.95

/** How a bound becomes the tolerated rate of a guard. */
interface Tolerance {
  readonly margin: number
  readonly least: number
  readonly most: number
}

const FAILURES: Tolerance = { margin: 0.02, least: 0.02, most: 0.2 }
/** Many sign-ins are abandoned on either side. */
const COMPLETION: Tolerance = { margin: 0.05, least: 0.02, most: 0.5 }

/**
 * The failure rate that a guard tolerates, from what the application did on legacy: the upper 95 % bound of its rate,
 * plus a margin of 2 percentage points, between 2 % and 20 %. For completion the margin is 5 points and the maximum 50 %.
 */
export function toleratedRate(
  legacy: Counts,
  prior: RatePrior = DEFAULT_PRIOR,
  of: 'failures' | 'completion' = 'failures',
): number {
  const { margin, least, most } = of === 'completion' ? COMPLETION : FAILURES
  const { outcomes, failures } = legacy
  const bound = betaQuantile(CONFIDENCE, prior.a + failures, prior.b + outcomes - failures)
  return Math.min(most, Math.max(least, bound + margin))
}

/**
 * The prior of a cohort, by the moments of the rates of its members with at least 200 outcomes on legacy; a + b is kept
 * between 30 and 200. {@link DEFAULT_PRIOR} when there are fewer than two such members.
 */
export function cohortPrior(members: readonly Counts[]): RatePrior {
  const rates = members.filter((one) => one.outcomes >= MEMBER_OUTCOMES).map((one) => one.failures / one.outcomes)
  if (rates.length < 2) return DEFAULT_PRIOR
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / (rates.length - 1)
  const weight = variance === 0 ? HEAVIEST_PRIOR : (mean * (1 - mean)) / variance - 1
  const held = Math.min(HEAVIEST_PRIOR, Math.max(LIGHTEST_PRIOR, weight))
  return { a: mean * held, b: (1 - mean) * held }
}

/** The value below which a Beta(a, b) variable is with a probability of `share`; 0 when all of it is at 0. */
export function betaQuantile(share: number, a: number, b: number): number {
  if (a <= 0) return 0
  if (b <= 0) return 1
  let low = 0
  let high = 1
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (betaCdf(middle, a, b) < share) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The regularized incomplete beta function (NIST Digital Library of Mathematical Functions §8.17). */
function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  // The continued fraction converges fast below the mean; above it, by symmetry.
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b
}

/** The continued fraction of DLMF §8.17(v), evaluated by the method of Lentz. */
function betaFraction(x: number, a: number, b: number): number {
  const away = (value: number) => (Math.abs(value) < 1e-300 ? 1e-300 : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let value = d
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    value *= d * c
    if (Math.abs(d * c - 1) < 1e-14) break
  }
  return value
}

/** ln Γ(x) for x > 0: Stirling's series (DLMF §5.11), after the recurrence has moved x to where it is accurate. */
function logGamma(x: number): number {
  let shift = 0
  let z = x
  for (; z < 12; z++) shift -= Math.log(z)
  const inverse = 1 / (z * z)
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1_260 - inverse * (1 / 1_680 - inverse / 1_188)))) / z
  return shift + (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series
}
