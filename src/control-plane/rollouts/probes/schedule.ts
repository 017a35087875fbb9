/** For how long after a move its twins are probed often. */
export const FRESH_MS = 30 * 60_000
const FRESH_EVERY_MS = 60_000
const EVERY_MS = 10 * 60_000

/** What the time of the next run depends on; times in milliseconds of one monotonic clock. */
export interface RunHistory {
  /** When the last run began. */
  readonly ranAt: number | undefined
  /** When an application of the twin's cohort was moved last. */
  readonly movedAt: number | undefined
}

/**
 * When a twin is due: at once after a move, then every minute for 30 minutes, and then every 10 minutes. Never while
 * nothing has been moved, because there is nothing to prove then.
 */
export function nextRunAt({ ranAt, movedAt }: RunHistory, now: number): number {
  if (movedAt === undefined) return Number.POSITIVE_INFINITY
  if (ranAt === undefined || movedAt > ranAt) return movedAt
  return ranAt + (now - movedAt < FRESH_MS ? FRESH_EVERY_MS : EVERY_MS)
}

/** The most that scheduled probes may take of what IAM can serve. */
const SHARE = 0.01

/** Bounds the rate of requests: what is spent is paid off at 1 % of IAM's capacity. */
export interface ProbeBudget {
  /** Whether the debt of earlier runs is paid. */
  mayStart(now: number): boolean
  spend(requests: number, now: number): void
}

/** Creates a budget without debt. Over any period it allows 1 % of the capacity, and one run more. */
export function createProbeBudget(iamRequestsPerSecond: number): ProbeBudget {
  let paidAt = Number.NEGATIVE_INFINITY
  return {
    mayStart: (now) => paidAt <= now,
    spend(requests, now) {
      paidAt = Math.max(paidAt, now) + (requests * 1_000) / (iamRequestsPerSecond * SHARE)
    },
  }
}
