import { BUSY_ELSEWHERE } from './deliver.ts'

/** Parts that start together need this long until all of them listen, in milliseconds. */
const STARTING_MS = 10_000

/**
 * Whether operators must hear of a failed run now: once per outage, and not of a target that has not begun to listen
 * while the process itself is still starting, nor of another process that delivers.
 *
 * @param reason what failed, as the log shows it
 * @param runningMs how long this process has replicated, in milliseconds
 */
export function needsWarning(reason: string, runningMs: number): boolean {
  if (reason === BUSY_ELSEWHERE) return false
  return runningMs >= STARTING_MS || !reason.endsWith('ECONNREFUSED')
}
