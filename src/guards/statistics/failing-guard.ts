/** The alternatives: a share a of the flows that would succeed at the tolerated rate fails. */
const BREAKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9] as const
const BETS = BREAKS.length
/** One bet per alternative, the number of outcomes, the tolerated rate. */
const WIDTH = BETS + 2
const OUTCOMES = BETS
const RATE = BETS + 1
const CHUNK = 4_096
/** A bet stops growing here, so that no arithmetic overflows. A smaller bet keeps the guard valid. */
const LARGEST_BET = 1e100
const HALF_LN2 = Math.LN2 / 2
/** From one outcome to the next, the weight of a bet is a small difference of two large terms; the table is exact. */
const TABLED = 4_096
const WEIGHTS = Float64Array.from({ length: TABLED }, (_, n) => (n === 0 ? 0 : weightOf(n)))

/** The share of the capital that is bet on a break that begins at outcome `n`, counted from 1. The weights sum to 1. */
function weightOf(n: number): number {
  return HALF_LN2 * (1 / Math.log(n + 1) - 1 / Math.log(n + 2)) + (n === 1 ? 0.5 : 0)
}

/** The state of one failing guard, as it is stored. */
export interface FailingGuardState {
  readonly toleratedRate: number
  readonly outcomes: number
  /** The nine bets, one per alternative. */
  readonly bets: readonly number[]
}

/**
 * Failing guards: sequential tests of "the failure rate is at most the tolerated rate", which may be read after every
 * outcome. The evidence is a non-negative supermartingale that starts at 1 under that hypothesis, so it reaches 1/α with
 * a probability of at most α (Ville 1939), whenever and however often it is read. It mixes over the size of a break and
 * over the outcome at which the break begins (Shiryaev's idea with a summable prior), so that earlier successes hardly
 * delay the detection of a later break.
 *
 * A guard is a slot of 88 bytes in typed arrays; slots are reused after `close`.
 */
export class FailingGuards {
  readonly #chunks: Float64Array[] = []
  readonly #free: number[] = []
  #used = 0

  /** The slot of a new guard with a tolerated rate in (0, 1). */
  open(toleratedRate: number): number {
    if (!(toleratedRate > 0 && toleratedRate < 1)) {
      throw new RangeError(`the tolerated rate must be between 0 and 1, not ${toleratedRate}`)
    }
    const slot = this.#free.pop() ?? this.#used++
    const index = Math.trunc(slot / CHUNK)
    const chunk = this.#chunks[index] ?? new Float64Array(CHUNK * WIDTH)
    this.#chunks[index] = chunk
    const at = (slot % CHUNK) * WIDTH
    chunk.fill(0, at, at + WIDTH)
    chunk[at + RATE] = toleratedRate
    return slot
  }

  /** Frees a slot; the caller no longer uses it. */
  close(slot: number): void {
    this.#free.push(slot)
  }

  /** Takes one outcome into account. */
  record(slot: number, isFailure: boolean): void {
    const chunk = this.#chunk(slot)
    const at = (slot % CHUNK) * WIDTH
    const n = (chunk[at + OUTCOMES] as number) + 1
    chunk[at + OUTCOMES] = n
    const weight = n < TABLED ? (WEIGHTS[n] as number) : weightOf(n)
    // g/q0 = 1 + a (1 - q0)/q0 for a failure, (1 - g)/(1 - q0) = 1 - a for a success.
    const odds = isFailure ? 1 / (chunk[at + RATE] as number) - 1 : -1
    for (let bet = 0; bet < BETS; bet++) {
      const next = ((chunk[at + bet] as number) + weight) * (1 + (BREAKS[bet] as number) * odds)
      chunk[at + bet] = next < LARGEST_BET ? next : LARGEST_BET
    }
  }

  /** The present evidence: 1 before the first outcome, always positive and finite. */
  evidence(slot: number): number {
    const chunk = this.#chunk(slot)
    const at = (slot % CHUNK) * WIDTH
    let sum = 0
    for (let bet = 0; bet < BETS; bet++) sum += chunk[at + bet] as number
    const n = chunk[at + OUTCOMES] as number
    // What has not been bet yet; before the first outcome that is everything.
    return sum / BETS + (n === 0 ? 1 : HALF_LN2 / Math.log(n + 2))
  }

  outcomes(slot: number): number {
    return this.#chunk(slot)[(slot % CHUNK) * WIDTH + OUTCOMES] as number
  }

  toleratedRate(slot: number): number {
    return this.#chunk(slot)[(slot % CHUNK) * WIDTH + RATE] as number
  }

  /** The state of a guard, to be stored. */
  save(slot: number): FailingGuardState {
    const at = (slot % CHUNK) * WIDTH
    return {
      toleratedRate: this.toleratedRate(slot),
      outcomes: this.outcomes(slot),
      bets: [...this.#chunk(slot).subarray(at, at + BETS)],
    }
  }

  /** Sets a guard to a stored state. */
  load(slot: number, state: FailingGuardState): void {
    const at = (slot % CHUNK) * WIDTH
    const chunk = this.#chunk(slot)
    for (let bet = 0; bet < BETS; bet++) chunk[at + bet] = state.bets[bet] ?? 0
    chunk[at + OUTCOMES] = state.outcomes
    chunk[at + RATE] = state.toleratedRate
  }

  #chunk(slot: number): Float64Array {
    const chunk = this.#chunks[Math.trunc(slot / CHUNK)]
    if (chunk === undefined) throw new RangeError(`no guard has slot ${slot}`)
    return chunk
  }
}
