import { type Counts, cohortPrior, FailingGuards, type RatePrior, toleratedRate } from '../../src/guards/index.ts'
import { binomial, quantile, randomFrom } from './random.ts'

/** How many outcomes a guard needs to reach a threshold; Infinity when it does not within `most`. */
function outcomesUntil(
  guards: FailingGuards,
  guard: { rate: number; threshold: number; most: number },
  next: (taken: number) => boolean,
): number {
  const slot = guards.open(guard.rate)
  let taken = 0
  while (taken < guard.most) {
    guards.record(slot, next(taken))
    taken++
    if (guards.evidence(slot) >= guard.threshold) break
  }
  const reached = guards.evidence(slot) >= guard.threshold
  guards.close(slot)
  return reached ? taken : Number.POSITIVE_INFINITY
}

export interface FalseAlarms {
  readonly trueRate: number
  readonly outcomes: number
  readonly runs: number
  /** Runs that reached 100, and 1,000. */
  readonly at100: number
  readonly at1000: number
}

/** How often a guard raises a false alarm although the true rate is at most the tolerated one of 3 %. */
export function simulateFalseAlarms(
  seed: number,
  plan: ReadonlyArray<{ outcomes: number; runs: number }>,
): FalseAlarms[] {
  const guards = new FailingGuards()
  const random = randomFrom(seed)
  return [0.03, 0.01].flatMap((trueRate) =>
    plan.map(({ outcomes, runs }) => {
      const counts = { at100: 0, at1000: 0 }
      for (let run = 0; run < runs; run++) {
        const slot = guards.open(0.03)
        let highest = 0
        for (let taken = 0; taken < outcomes && highest < 1_000; taken++) {
          const isFailure = random() < trueRate
          guards.record(slot, isFailure)
          // Only a failure can raise the evidence to a new maximum.
          if (isFailure) highest = Math.max(highest, guards.evidence(slot))
        }
        guards.close(slot)
        if (highest >= 100) counts.at100++
        if (highest >= 1_000) counts.at1000++
      }
      return { trueRate, outcomes, runs, ...counts }
    }),
  )
}

export interface Delay {
  readonly broken: number
  readonly goodBefore: number
  readonly median: number
  readonly p95: number
}

/** How many outcomes pass until the act, at a tolerated rate of 3 %, when a share of the flows breaks. */
export function simulateDelays(seed: number, runs: number): Delay[] {
  const guards = new FailingGuards()
  const random = randomFrom(seed)
  return [0, 1_000].flatMap((goodBefore) =>
    [1, 0.5, 0.3, 0.2, 0.1].map((broken) => {
      const delays = Array.from({ length: runs }, () => {
        const needed = outcomesUntil(guards, { rate: 0.03, threshold: 1_000, most: 5_000 }, (taken) =>
          taken < goodBefore ? false : random() < broken,
        )
        return needed - goodBefore
      })
      return { broken, goodBefore, median: quantile(delays, 0.5), p95: quantile(delays, 0.95) }
    }),
  )
}

export interface LearnedRate {
  readonly prior: string
  readonly legacyOutcomes: number
  /** Runs of 1,000 outcomes at the true rate that failed. */
  readonly falseAlarms: number
  readonly runs: number
  readonly meanRate: number
  /** Outcomes until the act when half of the flows break at the flip. */
  readonly median: number
  readonly p95: number
}

/** What a tolerated rate is worth that was learned from few outcomes, with a prior that is right or wrong. */
export function simulateLearnedRates(seed: number, runs: number): LearnedRate[] {
  const guards = new FailingGuards()
  const random = randomFrom(seed)
  const trueRate = 0.01
  const priors: Array<[string, RatePrior | undefined]> = [
    ['none', undefined],
    ['right', priorAround(random, trueRate)],
    ['three times too low', priorAround(random, trueRate / 3)],
    ['three times too high', priorAround(random, trueRate * 3)],
  ]
  return priors.flatMap(([prior, of]) =>
    [0, 10, 50, 200].map((legacyOutcomes) => {
      let falseAlarms = 0
      let sum = 0
      const delays: number[] = []
      for (let run = 0; run < runs; run++) {
        const legacy = { outcomes: legacyOutcomes, failures: binomial(random, legacyOutcomes, trueRate) }
        const rate = toleratedRate(legacy, of)
        sum += rate
        const clean = outcomesUntil(guards, { rate, threshold: 1_000, most: 1_000 }, () => random() < trueRate)
        if (clean < Number.POSITIVE_INFINITY) falseAlarms++
        delays.push(outcomesUntil(guards, { rate, threshold: 1_000, most: 1_000 }, () => random() < 0.5))
      }
      const delay = { median: quantile(delays, 0.5), p95: quantile(delays, 0.95) }
      return { prior, legacyOutcomes, falseAlarms, runs, meanRate: sum / runs, ...delay }
    }),
  )
}

/** The prior of a cohort of 20 members whose rates lie around a mean. */
function priorAround(random: () => number, mean: number): RatePrior {
  const members: Counts[] = Array.from({ length: 20 }, () => {
    const rate = mean * (0.5 + random())
    return { outcomes: 500, failures: binomial(random, 500, rate) }
  })
  return cohortPrior(members)
}

export interface Completion {
  readonly runs: number
  readonly starts: number
  readonly falseAlarms: number
  /** Runs that failed when the same starts were judged as they ended. */
  readonly falseAlarmsAsTheyEnd: number
  /** Starts until the act, when IAM's page breaks after all these starts. */
  readonly median: number
  readonly p95: number
}

const TIME_LIMIT_MIN = 15

/**
 * Bursts of 200 starts, a third of which are never completed; the others take up to ten minutes. Judged in the order in
 * which they began, each after the time limit; for comparison, also in the order in which they ended.
 */
export function simulateCompletion(seed: number, runs: number): Completion {
  const guards = new FailingGuards()
  const random = randomFrom(seed)
  const bursts = 10
  const counts = { falseAlarms: 0, falseAlarmsAsTheyEnd: 0 }
  const delays: number[] = []
  for (let run = 0; run < runs; run++) {
    const legacy = { outcomes: 300, failures: binomial(random, 300, 0.33) }
    const rate = toleratedRate(legacy, undefined, 'completion')
    const starts = Array.from({ length: bursts * 200 }, (_, index) => {
      const isComplete = random() >= 0.33
      const endsAfter = isComplete ? random() * random() * 10 : TIME_LIMIT_MIN
      return { isComplete, endsAt: Math.trunc(index / 200) * 60 + (index % 200) / 200 + endsAfter }
    })
    const guard = { rate, threshold: 1_000, most: starts.length }
    const asTheyEnd = [...starts].sort((one, other) => one.endsAt - other.endsAt)
    const isAlarm = (judged: typeof starts) =>
      outcomesUntil(guards, guard, (taken) => judged[taken]?.isComplete === false) < Number.POSITIVE_INFINITY
    if (isAlarm(starts)) counts.falseAlarms++
    if (isAlarm(asTheyEnd)) counts.falseAlarmsAsTheyEnd++
    const all = { ...guard, most: starts.length + 500 }
    const broken = outcomesUntil(guards, all, (taken) => starts[taken]?.isComplete !== true)
    delays.push(broken - starts.length)
  }
  return { runs, starts: bursts * 200, ...counts, median: quantile(delays, 0.5), p95: quantile(delays, 0.95) }
}
