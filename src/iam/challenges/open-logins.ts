/** Limits the number of concurrent sign-ins, so that an attacker cannot fill the store by starting them. */
export interface OpenLogins {
  /** Whether one more may start; counts it. Never waits for the store. */
  admit(): boolean
}

const SELDOM_MS = 60_000
const OFTEN_MS = 2_000

/**
 * Estimates the number from the last count and the sign-ins started by this process since. Queries the store every
 * minute, and every two seconds from half of `most` on (undefined: unlimited); while the store is unavailable, the last
 * count is used. `now` is in milliseconds.
 */
export function createOpenLogins(
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
      // A fault of the store is reported by the request that fails because of it.
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
