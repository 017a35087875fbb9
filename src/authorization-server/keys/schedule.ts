import type { SigningAlgorithm } from './algorithms.ts'

/** The rotation schedule of signing keys. */
export interface SigningKeySettings {
  /** How long a key signs; a next key is always published. Default: until an operator rotates it. */
  readonly lifetimeSeconds?: number | undefined
  /**
   * How long a key is published before it signs: at least twice the longest cache lifetime of key sets. Default two
   * days.
   */
  readonly leadSeconds?: number | undefined
  /**
   * How long a key stays published after its successor takes over. Default: the lifetime of what it signed plus 15
   * minutes.
   */
  readonly keepSeconds?: number | undefined
  /** How long a process may use the keys it has read. Default five minutes; it refreshes them after one. */
  readonly staleSeconds?: number | undefined
}

/** A key's schedule. All times are milliseconds of the database's clock. */
export interface ScheduledKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publishedAt: number
  /** Null for a standby key: published but not scheduled. */
  readonly signsFrom: number | null
  /** The private half is erased; the key can no longer sign. */
  readonly erased: boolean
}

/** Key lifetimes in milliseconds. */
export interface KeyPolicy {
  /** The algorithms that need keys. */
  readonly algorithms: readonly SigningAlgorithm[]
  /** How long a key signs; undefined: until an operator rotates it. */
  readonly lifetime: number | undefined
  /** How long a key is published before it signs, so that every cache contains it by then. */
  readonly lead: number
  /** How long a key stays published after its last scheduled signature. */
  readonly keep: number
  /** How long a process may use what it has read. */
  readonly stale: number
}

/** `next` is published, `current` signs, `retired` stays published until what it signed has expired. */
export type KeyState = 'next' | 'current' | 'retired'

/** A change of the stored keys. */
export type KeyStep =
  | { readonly do: 'make'; readonly algorithm: SigningAlgorithm; readonly signsFrom: number | null }
  | { readonly do: 'schedule'; readonly kid: string; readonly signsFrom: number }
  | { readonly do: 'erase'; readonly kid: string }
  | { readonly do: 'remove'; readonly kid: string }

/** The signing key at a time: the most recent of those whose start time has passed. */
export function currentKey<Key extends ScheduledKey>(
  keys: readonly Key[],
  algorithm: SigningAlgorithm,
  now: number,
): Key | undefined {
  return inOrder(keys, algorithm).findLast((key) => !key.erased && (key.signsFrom ?? Infinity) <= now)
}

/** The state of a key at a time. */
export function keyState(key: ScheduledKey, keys: readonly ScheduledKey[], now: number): KeyState {
  if (key.signsFrom === null || key.signsFrom > now) return 'next'
  return currentKey(keys, key.algorithm, now)?.kid === key.kid ? 'current' : 'retired'
}

/** When a key's successor takes over; undefined while none is scheduled. */
export function signsUntil(key: ScheduledKey, keys: readonly ScheduledKey[]): number | undefined {
  const own = inOrder(keys, key.algorithm)
  return own[own.findIndex(({ kid }) => kid === key.kid) + 1]?.signsFrom ?? undefined
}

/**
 * The steps that are due now; usually none. The first key signs at once. Every other key is published for `lead` before
 * it signs, including the first one of an additional algorithm. With a lifetime there is always a standby key.
 */
export function planKeys(keys: readonly ScheduledKey[], now: number, policy: KeyPolicy): KeyStep[] {
  return [
    ...policy.algorithms.flatMap((algorithm) => succession(keys, algorithm, now, policy)),
    ...endings(keys, now, policy),
  ]
}

/** The steps for a requested rotation: immediate when the next key has been published for long enough. */
export function planRotation(keys: readonly ScheduledKey[], now: number, policy: KeyPolicy): KeyStep[] {
  return policy.algorithms.flatMap((algorithm): KeyStep[] => {
    const own = keys.filter((key) => key.algorithm === algorithm)
    if (own.some(({ signsFrom }) => signsFrom !== null && signsFrom > now)) return []
    const standby = own.find(({ signsFrom }) => signsFrom === null)
    if (standby === undefined) return [{ do: 'make', algorithm, signsFrom: now + policy.lead }]
    return [{ do: 'schedule', kid: standby.kid, signsFrom: Math.max(now, standby.publishedAt + policy.lead) }]
  })
}

/**
 * The steps to remove a key that is no longer trusted: it is removed at once and, if it was signing, replaced at once.
 */
export function planWithdrawal(kid: string, keys: readonly ScheduledKey[], now: number): KeyStep[] {
  const key = keys.find((candidate) => candidate.kid === kid)
  if (key === undefined) return []
  const steps: KeyStep[] = [{ do: 'remove', kid }]
  if (keyState(key, keys, now) !== 'current') return steps
  const { algorithm } = key
  const next = keys
    .filter((other) => other.algorithm === algorithm && keyState(other, keys, now) === 'next')
    .sort((a, b) => a.publishedAt - b.publishedAt)[0]
  return next === undefined
    ? [...steps, { do: 'make', algorithm, signsFrom: now }]
    : [...steps, { do: 'schedule', kid: next.kid, signsFrom: now }]
}

function succession(
  keys: readonly ScheduledKey[],
  algorithm: SigningAlgorithm,
  now: number,
  { lifetime, lead }: KeyPolicy,
): KeyStep[] {
  const own = keys.filter((key) => key.algorithm === algorithm && !key.erased)
  const current = currentKey(own, algorithm, now)
  const hasPending = own.some(({ signsFrom }) => signsFrom !== null && signsFrom > now)
  // RS256 is used until the first key of an additional algorithm may sign.
  if (current === undefined && !hasPending)
    return [{ do: 'make', algorithm, signsFrom: algorithm === 'RS256' ? now : now + lead }]
  if (lifetime === undefined || hasPending) return []
  const standby = own.find(({ signsFrom }) => signsFrom === null)
  if (standby === undefined) return [{ do: 'make', algorithm, signsFrom: null }]
  if (now < (current?.signsFrom ?? now) + lifetime) return []
  return [{ do: 'schedule', kid: standby.kid, signsFrom: Math.max(now, standby.publishedAt + lead) }]
}

function endings(keys: readonly ScheduledKey[], now: number, { keep, stale }: KeyPolicy): KeyStep[] {
  return keys.flatMap((key): KeyStep[] => {
    if (keyState(key, keys, now) !== 'retired') return []
    const since = now - (signsUntil(key, keys) ?? now)
    if (since > keep) return [{ do: 'remove', kid: key.kid }]
    return since > stale && !key.erased ? [{ do: 'erase', kid: key.kid }] : []
  })
}

function inOrder<Key extends ScheduledKey>(keys: readonly Key[], algorithm: SigningAlgorithm): Key[] {
  const at = (key: Key) => key.signsFrom ?? Infinity
  return keys
    .filter((key) => key.algorithm === algorithm)
    .sort((a, b) => (at(a) === at(b) ? (a.kid < b.kid ? -1 : 1) : at(a) - at(b)))
}
