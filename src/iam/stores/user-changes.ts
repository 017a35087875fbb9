/** Whether a user may obtain credentials. */
export type UserState = 'active' | 'blocked' | 'deleted'

/** What is stored of a user besides the profile. Null: the platform has not reported it. */
export interface HeldUser {
  readonly state: UserState
  readonly version: number | null
  readonly epoch: number | null
}

/** What the platform reports about a user: by a sign-in, which may have no version, or by a change. */
export interface ToldUser {
  readonly by: 'sign_in' | 'change'
  readonly state: UserState
  readonly version: number | undefined
  readonly epoch: number | undefined
}

/** The effect of a message. */
export interface UserChange {
  /**
   * `refused`: a sign-in of a user who is blocked or deleted. `stale`: the stored version is the same or newer.
   * `unknown`: nothing is stored of the user, and nothing needs to be.
   */
  readonly verdict: 'stored' | 'refused' | 'stale' | 'unknown'
  /** What to store; undefined when nothing changes. */
  readonly next: HeldUser | undefined
  /** Whether the reported profile is newer than the stored one. */
  readonly takesProfile: boolean
  /** Whether all credentials issued to the user so far are revoked. */
  readonly ends: boolean
  /** Whether a barred user is admitted again. */
  readonly admits: boolean
}

const NOTHING = { next: undefined, takesProfile: false, ends: false, admits: false } as const

/** Decides the effect of a message about a user. Messages may arrive late, twice and in any order. */
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
