import type { GuardLevel } from './vocabulary.ts'

/** From this evidence on an application is suspect: it is probed more often, and the rollout does not advance. */
export const SUSPECT_EVIDENCE = 20
/** From this evidence on the rollout holds. */
export const HOLD_EVIDENCE = 100
/** The threshold of the first attempt: a false alarm has a probability of at most 1 in 1,000. */
const FIRST_THRESHOLD = 1_000
/** The threshold of the mean evidence of a cohort, and of all moved applications. */
export const POOLED_THRESHOLD = 10_000
/** Beyond this the threshold no longer doubles, so that it stays a number that people can read. */
const MOST_DOUBLINGS = 30

/**
 * The evidence at which an attempt fails: 1,000 for an application's first attempt under a flag, and twice as much with
 * each further one, so that all attempts together raise a false alarm with a probability of at most 2 in 1,000.
 */
export function thresholdOf(attempt: number): number {
  return FIRST_THRESHOLD * 2 ** Math.min(attempt - 1, MOST_DOUBLINGS)
}

/** The level of present evidence. */
export function levelOf(evidence: number, threshold: number): GuardLevel {
  if (evidence >= threshold) return 'act'
  if (evidence >= HOLD_EVIDENCE) return 'hold'
  return evidence >= SUSPECT_EVIDENCE ? 'suspect' : 'quiet'
}
