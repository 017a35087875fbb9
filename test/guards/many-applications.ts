import { FailingGuards, thresholdOf, toleratedRate } from '../../src/guards/index.ts'
import { binomial, quantile, randomFrom } from './random.ts'

const DAYS = 28
/** Outcomes a day. */
const VOLUMES = [10, 100, 1_000, 10_000, 864_000] as const
/** How an application may be broken: the failure rate from a day on. */
const WAYS = [
  { from: 0, rate: 1 },
  { from: 0, rate: 0.5 },
  { from: 0, rate: 0.2 },
  { from: 1, rate: 1 },
  { from: 3, rate: 0.3 },
] as const

export interface VolumeResult {
  readonly perDay: number
  readonly healthy: number
  readonly outcomesEach: number
  readonly falseRollbacks: number
  readonly broken: number
  readonly found: number
  /** From the break to the act: outcomes, and hours. */
  readonly medianOutcomes: number
  readonly worstOutcomes: number
  readonly medianHours: number
}

/**
 * 5,000 applications with failure rates of their own, of which one in a hundred breaks in one of five ways, over 28 days;
 * of each at most `most` outcomes are simulated before and after its break.
 */
export function simulateManyApplications(seed: number, most: number): VolumeResult[] {
  const guards = new FailingGuards()
  const random = randomFrom(seed)
  return VOLUMES.map((perDay) => {
    const delays: number[] = []
    let falseRollbacks = 0
    const outcomesEach = Math.min(perDay * DAYS, most)
    for (let application = 0; application < 1_000; application++) {
      // Most applications hardly fail, some at several per cent.
      const ownRate = 0.05 * random() ** 4
      const legacyOutcomes = Math.min(1_000, perDay * DAYS)
      const failures = binomial(random, legacyOutcomes, ownRate)
      const slot = guards.open(toleratedRate({ outcomes: legacyOutcomes, failures }))
      const way = application % 100 === 0 ? WAYS[(application / 100) % WAYS.length] : undefined
      const breaksAt = way === undefined ? Number.POSITIVE_INFINITY : Math.min(way.from * perDay, most)
      const last = way === undefined ? outcomesEach : Math.min(perDay * DAYS, breaksAt + most)
      for (let taken = 0; taken < last; taken++) {
        const isFailure = random() < (taken >= breaksAt ? (way?.rate ?? 0) : ownRate)
        guards.record(slot, isFailure)
        if (!isFailure || guards.evidence(slot) < thresholdOf(1)) continue
        if (taken >= breaksAt) delays.push(taken + 1 - breaksAt)
        else falseRollbacks++
        break
      }
      guards.close(slot)
    }
    const median = quantile(delays, 0.5)
    return {
      ...{ perDay, healthy: 990, outcomesEach, falseRollbacks, broken: 10, found: delays.length },
      ...{ medianOutcomes: median, worstOutcomes: quantile(delays, 1), medianHours: (median / perDay) * 24 },
    }
  })
}
