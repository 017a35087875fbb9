import type { Limit } from './gcra.ts'

/** The limits on guesses of user codes (RFC 8628 §5.1). An omitted limit does not apply. */
export interface UserCodeLimits {
  /** Wrong codes by one user. */
  readonly user?: Limit | undefined
  /** Wrong codes from one address. */
  readonly address?: Limit | undefined
  /** Wrong codes by all users on all replicas. */
  readonly all?: Limit | undefined
}

/** The wrong codes within a limit's period, and the age of the first one in seconds. */
export interface GuessesMade {
  readonly made: number
  readonly firstAgo: number
}

/**
 * How long a guess must wait, in milliseconds; 0 when it may be checked. The shared budgets only restrict users with an
 * earlier wrong guess, so that an attacker cannot exhaust them for a user who enters the right code.
 */
export function waitForUserCode(
  limits: UserCodeLimits,
  guesses: { readonly user: GuessesMade; readonly address: GuessesMade; readonly all: GuessesMade },
): number {
  const waits = (['user', 'address', 'all'] as const).map((scope) => {
    const limit = limits[scope]
    const { made, firstAgo } = guesses[scope]
    if (limit === undefined || made < limit.count || (scope !== 'user' && guesses.user.made === 0)) return 0
    return Math.max(1_000, (limit.seconds - firstAgo) * 1_000)
  })
  return Math.max(...waits)
}
