import type { LimitReached } from './request-limits.ts'

const EVERY_MS = 10_000
const MOST_KINDS = 100

/**
 * Logs limits that were reached: one line for each endpoint and limit every ten seconds, with the number since the last
 * line, so that a flood of requests does not flood the log.
 */
export function limitLog(
  write: (line: Readonly<Record<string, unknown>>, text: string) => void,
  now = () => performance.now(),
): (reached: LimitReached) => void {
  const told = new Map<string, { at: number; since: number }>()
  return ({ endpoint, limit, network }) => {
    const kind = `${endpoint} ${limit}`
    const last = told.get(kind)
    if (last !== undefined && now() - last.at < EVERY_MS) {
      last.since++
      return
    }
    if (last === undefined && told.size >= MOST_KINDS) return
    told.set(kind, { at: now(), since: 0 })
    write({ event: 'rate_limited', endpoint, limit, network, refused: (last?.since ?? 0) + 1 }, 'rate limit reached')
  }
}
