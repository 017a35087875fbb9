const MINUTE_MS = 60_000
/** Losses count this long. */
const MINUTES = 10
/** More than this share of lost outcomes leaves gaps in which anything may have happened. */
const MOST_LOST = 0.01

/** Counts the outcomes of one environment that arrived and that were lost, by minute, over the last ten minutes. */
export class Losses {
  readonly #minutes = new Map<number, { arrived: number; lost: number }>()

  arrived(now: number): void {
    this.#minute(now).arrived++
  }

  lost(count: number, now: number): void {
    this.#minute(now).lost += count
  }

  /** Whether more than 1 % of the outcomes of the last ten minutes were lost. */
  isTooMany(now: number): boolean {
    let arrived = 0
    let lost = 0
    for (const [minute, counts] of this.#minutes) {
      if (Math.abs(now / MINUTE_MS - minute) > MINUTES) continue
      arrived += counts.arrived
      lost += counts.lost
    }
    return lost > MOST_LOST * (arrived + lost)
  }

  #minute(now: number): { arrived: number; lost: number } {
    const minute = Math.trunc(now / MINUTE_MS)
    const known = this.#minutes.get(minute)
    if (known !== undefined) return known
    for (const old of this.#minutes.keys()) if (Math.abs(minute - old) > MINUTES) this.#minutes.delete(old)
    const counts = { arrived: 0, lost: 0 }
    this.#minutes.set(minute, counts)
    return counts
  }
}
