import { type Limit, type LimitTable, limitTable } from '../../authorization-server/index.ts'

/** An attempt to sign in, before its password is checked. */
export interface SignInAttempt {
  readonly username: string
  /** The network the attempt comes from. */
  readonly network: string
  /** Identifies a browser in which this user has signed in before. */
  readonly browser?: string | undefined
}

/** Limits on guesses; an omitted limit does not apply. */
export interface SignInLimits {
  /** Different wrong passwords for one name, from one place or known browser. Default 10 in ten minutes. */
  readonly place?: Limit | undefined
  /** Different wrong passwords for one name, from all unknown places. Default 100 in an hour. */
  readonly name?: Limit | undefined
  /** Different wrong names and passwords from one place. Default 300 in ten minutes. */
  readonly network?: Limit | undefined
}

/**
 * Limits password guesses without locking out the users whose passwords are guessed: a place or browser that has signed
 * in for a name has a separate budget, which a stranger's guesses do not use up. Counts in this process only.
 */
export interface SignInThrottle {
  /** How long the attempt must wait, in milliseconds; 0 when its password may be checked. */
  wait(attempt: SignInAttempt): number
  /** Whether it comes from a browser, or a place, that this user has signed in from. */
  isKnown(attempt: SignInAttempt): boolean
  failed(attempt: SignInAttempt, password: string): void
  succeeded(attempt: SignInAttempt): void
  /** For tests: resets all counters. */
  clear(): void
}

export const DEFAULT_SIGN_IN_LIMITS = {
  place: { count: 10, seconds: 600 },
  name: { count: 100, seconds: 3_600 },
  network: { count: 300, seconds: 600 },
} as const satisfies SignInLimits

/** The maximum number of recent places that are remembered. */
const MOST_PLACES = 50_000

/** Creates a {@link SignInThrottle}. `now` is in milliseconds. */
export function signInThrottle(
  limits: SignInLimits = DEFAULT_SIGN_IN_LIMITS,
  now: () => number = () => performance.now(),
): SignInThrottle {
  const table = (limit: Limit | undefined) => (limit === undefined ? undefined : limitTable(limit))
  const places = table(limits.place)
  const names = table(limits.name)
  const networks = table(limits.network)
  const known = new Set<string>()
  const isKnown = (attempt: SignInAttempt) => attempt.browser !== undefined || known.has(placeOf(attempt))
  const waitIn = (one: LimitTable | undefined, key: string) => one?.wait(key, now()) ?? 0
  return {
    isKnown,
    wait(attempt) {
      const own = waitIn(places, budgetOf(attempt))
      if (isKnown(attempt)) return own
      return Math.max(own, waitIn(names, attempt.username), waitIn(networks, attempt.network))
    },
    failed(attempt, password) {
      places?.use(budgetOf(attempt), now(), password)
      if (isKnown(attempt)) return
      names?.use(attempt.username, now(), password)
      networks?.use(attempt.network, now(), `${attempt.username}\n${password}`)
    },
    succeeded(attempt) {
      places?.forget(budgetOf(attempt))
      const place = placeOf(attempt)
      known.delete(place)
      known.add(place)
      const [oldest] = known
      if (known.size > MOST_PLACES && oldest !== undefined) known.delete(oldest)
    },
    clear() {
      for (const one of [places, names, networks]) one?.clear()
      known.clear()
    },
  }
}

function placeOf({ username, network }: SignInAttempt): string {
  return `${network} ${username}`
}

function budgetOf(attempt: SignInAttempt): string {
  return attempt.browser === undefined ? placeOf(attempt) : `browser ${attempt.browser} ${attempt.username}`
}
