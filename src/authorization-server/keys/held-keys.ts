import type { StoredKeys } from './key-store.ts'

/** The keys as read, with the time of the read by this process's clocks. */
export interface HeldKeys extends StoredKeys {
  /** Monotonic clock, after the answer arrived. */
  readonly readAt: number
  /** Wall clock, before the query was sent. */
  readonly wallTime: number
}

/**
 * The database's current time, or slightly earlier: errs towards using a new key late and keeping an old one too long.
 */
export function databaseTime(read: HeldKeys): number {
  return read.now + (performance.now() - read.readAt)
}

/**
 * Caches the result of `read`. After a tenth of `stale` the cache refreshes in the background, and after a fifth before
 * it returns. If the refresh fails, the cached value is used for up to `stale`; after that `get` rejects with the
 * fault.
 */
export function holdKeys(read: () => Promise<StoredKeys>, stale: number): { get(): Promise<HeldKeys>; forget(): void } {
  let held: HeldKeys | undefined
  let reading: Promise<HeldKeys> | undefined
  let edition = 0
  const renew = (): Promise<HeldKeys> => {
    if (reading !== undefined) return reading
    const wallTime = Date.now()
    const begun = edition
    const mine = read()
      .then((stored) => {
        const fresh = { ...stored, readAt: performance.now(), wallTime }
        if (begun === edition) held = fresh
        return fresh
      })
      .finally(() => {
        if (reading === mine) reading = undefined
      })
    reading = mine
    return mine
  }
  return {
    async get() {
      const age = held === undefined ? Infinity : ageOf(held)
      if (held !== undefined && age < stale / 10) return held
      const renewed = renew()
      if (held === undefined || age >= stale) return renewed
      const usable = held
      if (age >= stale / 5) return renewed.catch(() => usable)
      renewed.catch(() => {})
      return usable
    },
    forget() {
      edition++
      held = undefined
      reading = undefined
    },
  }
}

/** The monotonic clock stops while a machine sleeps and the wall clock can be set back, so the greater age counts. */
function ageOf(held: HeldKeys): number {
  return Math.max(performance.now() - held.readAt, Date.now() - held.wallTime)
}
