const LIMIT = 10
const WINDOW_MS = 600_000
/** So that made-up names cannot fill the memory. */
const MOST_NAMES = 10_000

/** Holds back who guesses passwords: after ten failures a name rests for ten minutes. Counts in this process only. */
export interface SignInThrottle {
  /** Whether another attempt for this name may be made now. */
  allows(username: string): boolean
  failed(username: string): void
  succeeded(username: string): void
}

/** `now` is in milliseconds. */
export function signInThrottle(now: () => number = Date.now): SignInThrottle {
  const failures = new Map<string, { count: number; until: number }>()
  const current = (username: string) => {
    const entry = failures.get(username)
    if (entry && entry.until <= now()) failures.delete(username)
    else return entry
    return undefined
  }
  return {
    allows: (username) => (current(username)?.count ?? 0) < LIMIT,
    failed(username) {
      const count = (current(username)?.count ?? 0) + 1
      failures.delete(username)
      failures.set(username, { count, until: now() + WINDOW_MS })
      const [oldest] = failures.keys()
      if (failures.size > MOST_NAMES && oldest !== undefined) failures.delete(oldest)
    },
    succeeded(username) {
      failures.delete(username)
    },
  }
}
