import type { SigningAlgorithm } from './algorithms.ts'

/** How signing keys follow one another. */
export interface SigningKeySettings {
  /** A key signs for so long, and the next one is always published. Default: until somebody asks for another. */
  readonly lifetimeSeconds?: number | undefined
  /** How long a key is published before it signs: at least twice the longest cache of key sets. Default two days. */
  readonly leadSeconds?: number | undefined
  /** How long a key stays published once its successor signs. Default: as long as what it signed is valid, and 15 minutes. */
  readonly keepSeconds?: number | undefined
  /** For how long a process may go by what it has read of the keys. Default five minutes; it reads again after one. */
  readonly staleSeconds?: number | undefined
}

/** When a key is published and signs. All times are milliseconds of the database's clock. */
export interface ScheduledKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publishedAt: number
  /** Null: it stands by, published, until it is given a time. */
  readonly signsFrom: number | null
  /** The private half is gone: it signs no more. */
  readonly erased: boolean
}

/** How long keys live, in milliseconds. */
export interface KeyPolicy {
  /** What there must be keys for. */
  readonly algorithms: readonly SigningAlgorithm[]
  /** A key signs for so long; undefined: until somebody asks for another. */
  readonly lifetime: number | undefined
  /** A key is published for so long before it signs, so that it is in every cache by then. */
  readonly lead: number
  /** A key stays published for so long after it has signed last by the schedule. */
  readonly keep: number
  /** For so long a process may go by what it has read. */
  readonly stale: number
}

/** `next` is published, `current` signs, `retired` is published until what it signed has expired. */
export type KeyState = 'next' | 'current' | 'retired'

/** A change of the stored keys. */
export type KeyStep =
  | { readonly do: 'make'; readonly algorithm: SigningAlgorithm; readonly signsFrom: number | null }
  | { readonly do: 'schedule'; readonly kid: string; readonly signsFrom: number }
  | { readonly do: 'erase'; readonly kid: string }
  | { readonly do: 'remove'; readonly kid: string }

/** The key that signs at a time: of those whose time has come, the latest. */
export function currentKey<Key extends ScheduledKey>(
  keys: readonly Key[],
  algorithm: SigningAlgorithm,
  now: number,
): Key | undefined {
  return inOrder(keys, algorithm).findLast((key) => !key.erased && (key.signsFrom ?? Infinity) <= now)
}

/** The state of one of the keys at a time. */
export function keyState(key: ScheduledKey, keys: readonly ScheduledKey[], now: number): KeyState {
  if (key.signsFrom === null || key.signsFrom > now) return 'next'
  return currentKey(keys, key.algorithm, now)?.kid === key.kid ? 'current' : 'retired'
}

/** When a key's successor takes over; undefined while none has a time. */
export function signsUntil(key: ScheduledKey, keys: readonly ScheduledKey[]): number | undefined {
  const own = inOrder(keys, key.algorithm)
  return own[own.findIndex(({ kid }) => kid === key.kid) + 1]?.signsFrom ?? undefined
}

/**
 * What is to be done with the keys now; nothing most of the time. The first key signs at once. Every other has been
 * published for `lead` before it signs, also the first one of a further algorithm. With a lifetime the next key stands
 * by all the time.
 */
export function planKeys(keys: readonly ScheduledKey[], now: number, policy: KeyPolicy): KeyStep[] {
  return [
    ...policy.algorithms.flatMap((algorithm) => succession(keys, algorithm, now, policy)),
    ...endings(keys, now, policy),
  ]
}

/** The change-over that somebody asks for: at once when the next key has been published for long enough. */
export function planRotation(keys: readonly ScheduledKey[], now: number, policy: KeyPolicy): KeyStep[] {
  return policy.algorithms.flatMap((algorithm): KeyStep[] => {
    const own = keys.filter((key) => key.algorithm === algorithm)
    if (own.some(({ signsFrom }) => signsFrom !== null && signsFrom > now)) return []
    const standby = own.find(({ signsFrom }) => signsFrom === null)
    if (standby === undefined) return [{ do: 'make', algorithm, signsFrom: now + policy.lead }]
    return [{ do: 'schedule', kid: standby.kid, signsFrom: Math.max(now, standby.publishedAt + policy.lead) }]
  })
}

/** The end of a key that must not be trusted any more: it goes at once, and if it signed, another takes its place at once. */
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
  // Until its first key may sign, a further algorithm is stood in for by RS256.
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
