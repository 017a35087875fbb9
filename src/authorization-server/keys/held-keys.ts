import type { StoredKeys } from './key-store.ts'

/** What was read, and when by this process's clocks. */
export interface HeldKeys extends StoredKeys {
  /** Of the monotonic clock, once the answer was there. */
  readonly readAt: number
  /** Of the wall clock, before it was asked for. */
  readonly wallTime: number
}

/** The database's time now, or a little earlier: a key is used late rather than early, and kept too long. */
export function databaseTime(read: HeldKeys): number {
  return read.now + (performance.now() - read.readAt)
}

/**
 * Keeps what `read` gives. From a tenth of `stale` on it is read again beside the work, from a fifth on before; should
 * that fail, what is held serves up to `stale`, and from then on the fault is the caller's.
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

/** The monotonic clock stands still while a machine sleeps, the other one can be set: the greater is believed. */
function ageOf(held: HeldKeys): number {
  return Math.max(performance.now() - held.readAt, Date.now() - held.wallTime)
}
