import type { Limit } from './gcra.ts'

/** How often user codes may be guessed (RFC 8628 §5.1). A limit that is left out is none. */
export interface UserCodeLimits {
  /** Wrong codes by one user. */
  readonly user?: Limit | undefined
  /** Wrong codes from one address. */
  readonly address?: Limit | undefined
  /** Wrong codes by all users together, on all replicas. */
  readonly all?: Limit | undefined
}

/** The wrong codes within a limit's period, and how long ago the first of them was, in seconds. */
export interface GuessesMade {
  readonly made: number
  readonly firstAgo: number
}

/**
 * How long a guess must wait, in milliseconds; 0 when it may be looked at. The budgets that users share refuse only who
 * has been wrong before, so that nobody can use them up for a user who types the right code.
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
