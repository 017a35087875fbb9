/** Whether a user may have anything. */
export type UserState = 'active' | 'blocked' | 'deleted'

/** What is held of a user beside the profile. Null: the platform has not told. */
export interface HeldUser {
  readonly state: UserState
  readonly version: number | null
  readonly epoch: number | null
}

/** What the platform says of a user: by a sign-in, which may come without a version, or by a change. */
export interface ToldUser {
  readonly by: 'sign_in' | 'change'
  readonly state: UserState
  readonly version: number | undefined
  readonly epoch: number | undefined
}

/** What follows from it. */
export interface UserChange {
  /**
   * `refused`: a sign-in of a user who is blocked or deleted. `stale`: as new or newer is held. `unknown`: nothing is
   * held of the user, and nothing need be.
   */
  readonly verdict: 'stored' | 'refused' | 'stale' | 'unknown'
  /** What is held from now on; undefined when nothing changes. */
  readonly next: HeldUser | undefined
  /** Whether what is said of the profile is newer than what is held. */
  readonly takesProfile: boolean
  /** Whether what the user has until now ends. */
  readonly ends: boolean
  /** Whether a user who was barred is let in again. */
  readonly admits: boolean
}

const NOTHING = { next: undefined, takesProfile: false, ends: false, admits: false } as const

/** Decides what a message about a user changes. Messages come late, twice and in any order. */
export function judgeUserChange(held: HeldUser | undefined, told: ToldUser): UserChange {
  const heldVersion = held?.version ?? 0
  const isNewer = told.version !== undefined && told.version > heldVersion
  if (told.by === 'sign_in') {
    if (held !== undefined && held.state !== 'active' && !isNewer) return { verdict: 'refused', ...NOTHING }
  } else if (held === undefined && told.state === 'active') {
    return { verdict: 'unknown', ...NOTHING }
  } else if (!isNewer) {
    return { verdict: 'stale', ...NOTHING }
  }
  const wasActive = held === undefined || held.state === 'active'
  const isBarred = told.state !== 'active'
  const hasNewEpoch = held !== undefined && held.epoch !== null && (told.epoch ?? 0) > held.epoch
  const epochs = [held?.epoch, told.epoch].filter((epoch) => epoch !== null && epoch !== undefined)
  return {
    verdict: 'stored',
    next: {
      state: told.state,
      version: told.version === undefined ? (held?.version ?? null) : Math.max(told.version, heldVersion),
      epoch: epochs.length === 0 ? null : Math.max(...epochs),
    },
    takesProfile: told.version === undefined || told.version >= heldVersion,
    ends: isBarred ? wasActive || held?.state !== told.state : hasNewEpoch,
    admits: !isBarred && !wasActive,
  }
}
