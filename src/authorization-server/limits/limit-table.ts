import { createHash, randomBytes } from 'node:crypto'
import { type Limit, waitUntilWithin, wholeAfterOne } from './gcra.ts'

/** Tracks how much of a limit each key has used. */
export interface LimitTable {
  /** How long the key must wait, in milliseconds; 0 when it need not. Does not count as a use. */
  wait(key: string, now: number): number
  /**
   * Counts one use. A `guess` among the key's last four is free: repeating a wrong secret reveals nothing, and points
   * to a client with an old configuration rather than an attacker.
   */
  use(key: string, now: number, guess?: string): void
  forget(key: string): void
  clear(): void
}

const CAPACITY = 50_000
const SAMPLED = 8
const GUESSES_KEPT = 4
const LONGEST_KEY = 600

interface Slot {
  key: string
  wholeAt: number
  guesses: number[]
}

/**
 * A table of at most `capacity` keys. A new key replaces the least used of eight keys picked at random, so that
 * innocent keys are evicted first. To be evicted early, an attacker would have to cause as much debt under nearly every
 * other key as under its own.
 */
export function limitTable(limit: Limit, capacity = CAPACITY): LimitTable {
  const places = new Map<string, number>()
  const slots: Slot[] = []
  const slotOf = (key: string): Slot | undefined => {
    const place = places.get(shortened(key))
    return place === undefined ? undefined : slots[place]
  }
  const add = (slot: Slot) => {
    const place = slots.length < capacity ? slots.length : leastUsed(slots)
    const before = slots[place]
    if (before) places.delete(before.key)
    slots[place] = slot
    places.set(slot.key, place)
  }
  return {
    wait(key, now) {
      const slot = slotOf(key)
      return slot === undefined ? 0 : waitUntilWithin(limit, slot.wholeAt, now)
    },
    use(key, now, guess) {
      const mark = guess === undefined ? undefined : markOf(guess)
      const slot = slotOf(key)
      if (slot === undefined) {
        add({ key: shortened(key), wholeAt: wholeAfterOne(limit, now, now), guesses: mark === undefined ? [] : [mark] })
        return
      }
      if (mark !== undefined && slot.wholeAt > now && slot.guesses.includes(mark)) return
      slot.wholeAt = wholeAfterOne(limit, slot.wholeAt, now)
      if (mark !== undefined) slot.guesses = [...slot.guesses.slice(1 - GUESSES_KEPT), mark]
    },
    forget(key) {
      const slot = slotOf(key)
      if (slot) Object.assign(slot, { wholeAt: 0, guesses: [] })
    },
    clear() {
      places.clear()
      slots.length = 0
    },
  }
}

function leastUsed(slots: readonly Slot[]): number {
  let best = Math.floor(Math.random() * slots.length)
  for (let sample = 1; sample < SAMPLED; sample++) {
    const place = Math.floor(Math.random() * slots.length)
    if ((slots[place]?.wholeAt ?? 0) < (slots[best]?.wholeAt ?? 0)) best = place
  }
  return best
}

/** Keeps the length of caller-chosen keys from exhausting memory. */
function shortened(key: string): string {
  return key.length <= LONGEST_KEY ? key : createHash('sha256').update(key).digest('base64')
}

const MARK_KEY = randomBytes(32)

/** Four bytes of a keyed hash: enough to recognise a guess, useless to a reader of the memory. */
function markOf(guess: string): number {
  return createHash('sha256').update(MARK_KEY).update(guess).digest().readUInt32LE(0)
}
