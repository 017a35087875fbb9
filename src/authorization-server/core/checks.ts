import type { Failure } from '../responses/failure.ts'

/** One rule: returns what is wrong with the facts, or undefined. */
export type Check<Facts, Wrong = Failure> = (facts: Facts) => Wrong | undefined

/** The first violated rule. The order of the list determines which error the client sees. */
export function firstFailure<Facts, Wrong = Failure>(
  checks: ReadonlyArray<Check<Facts, Wrong>>,
  facts: Facts,
): Wrong | undefined {
  for (const check of checks) {
    const failed = check(facts)
    if (failed !== undefined) return failed
  }
  return undefined
}
