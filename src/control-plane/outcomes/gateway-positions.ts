/** A gateway that was not heard for this long no longer holds back the judgement of starts. */
const GONE_MS = 120_000
const MOST_GATEWAYS = 1_000
/** A gap of more than this is no sequence that continues. */
const WIDEST_GAP = 10_000_000
/** Differences up to this are the time on the way, not the clocks. */
const SAME_CLOCK_MS = 2_000

interface Position {
  /** The sequence number that is expected next. */
  next: number
  /** Everything before this sequence number is stored. */
  stored: number
  /** The time up to which the gateway has reported everything, by this clock. */
  through: number
  heardAt: number
}

/** The head of a batch. */
export interface BatchHead {
  readonly instance: string
  readonly first: number
  /** The oldest observation that the gateway still keeps. */
  readonly oldest: number
  readonly count: number
}

/** The place of a batch in the sequence of its gateway: how many lines to skip as known, and how many were lost. */
export interface Placement {
  readonly skip: number
  readonly lost: number
}

/** What is known of the gateways of one environment: how far each has reported. All times are in milliseconds. */
export class GatewayPositions {
  readonly #positions = new Map<string, Position>()
  readonly #changed = new Set<string>()

  /** Takes over a stored position. */
  restore(instance: string, next: number): void {
    this.#positions.set(instance, { next, stored: next, through: Number.NEGATIVE_INFINITY, heardAt: 0 })
  }

  /** Where a batch belongs; undefined if the gateway must send earlier observations first, which it still keeps. */
  place({ instance, first, oldest, count }: BatchHead): Placement | undefined {
    const next = this.#positions.get(instance)?.next ?? 1
    const expected = Math.max(next, Math.min(oldest, first))
    if (first > expected) return undefined
    const lost = expected - next
    return { skip: Math.min(count, expected - first), lost: lost > WIDEST_GAP ? 0 : lost }
  }

  /** Takes note of a batch whose observations have been taken. */
  took({ instance, first, count }: Omit<BatchHead, 'oldest'>, through: number, now: number): void {
    const known = this.#positions.get(instance)
    const next = Math.max(known?.next ?? 1, first + count)
    if (known === undefined) {
      if (this.#positions.size >= MOST_GATEWAYS) this.#forgetOne()
      this.#positions.set(instance, { next, stored: 0, through, heardAt: now })
    } else Object.assign(known, { next, through: Math.max(known.through, through), heardAt: now })
    if (known === undefined || known.stored < next) this.#changed.add(instance)
  }

  /** The receipt for a gateway. */
  receipt(instance: string): { readonly next: number; readonly stored: number } {
    const { next = 1, stored = 0 } = this.#positions.get(instance) ?? {}
    return { next, stored }
  }

  /** The positions that have changed since the last call, to be stored. */
  takeChanged(): Array<{ readonly instance: string; readonly next: number }> {
    const changed = [...this.#changed].map((instance) => ({ instance, next: this.#positions.get(instance)?.next ?? 1 }))
    this.#changed.clear()
    return changed
  }

  /** Notes positions that have been stored. */
  stored(positions: ReadonlyArray<{ readonly instance: string; readonly next: number }>): void {
    for (const { instance, next } of positions) {
      const known = this.#positions.get(instance)
      if (known) known.stored = Math.max(known.stored, next)
    }
  }

  /** Marks positions as changed again, when they could not be stored. */
  putBack(positions: ReadonlyArray<{ readonly instance: string }>): void {
    for (const { instance } of positions) this.#changed.add(instance)
  }

  /** The time up to which all gateways that are there have reported. */
  watermark(now: number): number {
    let least = now
    let isAny = false
    for (const { through, heardAt } of this.#positions.values()) {
      if (now - heardAt > GONE_MS) continue
      isAny = true
      least = Math.min(least, through)
    }
    return isAny ? least : now - GONE_MS
  }

  #forgetOne(): void {
    let oldest: string | undefined
    let heardAt = Number.POSITIVE_INFINITY
    for (const [instance, position] of this.#positions) {
      if (position.heardAt < heardAt) [oldest, heardAt] = [instance, position.heardAt]
    }
    if (oldest === undefined) return
    this.#positions.delete(oldest)
    this.#changed.delete(oldest)
  }
}

/**
 * What to add to a gateway's times to have them by this clock. A batch takes a moment to arrive, so small differences
 * say nothing about the clocks.
 */
export function clockOffset(sentAt: number, receivedAt: number): number {
  const offset = receivedAt - sentAt
  return Math.abs(offset) <= SAME_CLOCK_MS ? 0 : offset
}
