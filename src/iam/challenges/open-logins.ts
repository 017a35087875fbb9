/** How many sign-ins may be under way at once, so that nobody can fill the store by starting them. */
export interface OpenLogins {
  /** Whether one more may begin; counts it. Never waits for the store. */
  admit(): boolean
}

const SELDOM_MS = 60_000
const OFTEN_MS = 2_000

/**
 * Estimates from the last count and what this process has begun since. The store is asked every minute, and every two
 * seconds from half of `most` on (undefined: any number); while it cannot be asked, the last count stands. `now` is in milliseconds.
 */
export function openLogins(
  most: number | undefined,
  countOpen: (atMost: number) => Promise<number>,
  now = () => performance.now(),
): OpenLogins {
  if (most === undefined) return { admit: () => true }
  let counted = 0
  let begunSince = 0
  let askAgainAt = Number.NEGATIVE_INFINITY
  let isAsking = false
  const ask = async () => {
    isAsking = true
    const begunBefore = begunSince
    try {
      counted = await countOpen(most)
      begunSince -= begunBefore
    } catch {
      // The store's own faults are told where a request fails by them.
    } finally {
      askAgainAt = now() + OFTEN_MS
      isAsking = false
    }
  }
  const isDue = () => {
    const isNear = counted + begunSince >= most / 2
    return now() >= askAgainAt + (isNear ? 0 : SELDOM_MS - OFTEN_MS)
  }
  return {
    admit() {
      if (!isAsking && isDue()) void ask()
      if (counted + begunSince >= most) return false
      begunSince++
      return true
    },
  }
}
