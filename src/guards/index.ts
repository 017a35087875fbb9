export { causeClass, UNAVAILABLE_CLASS } from './cause-class.ts'
export { type JudgedApplication, judge, type Situation } from './judge.ts'
export {
  type Baseline,
  type LearnedCounts,
  type LegacyAnswer,
  LegacyBaselines,
} from './legacy/legacy-baselines.ts'
export { LegacyWatch } from './legacy/legacy-watch.ts'
export { levelOf, SUSPECT_EVIDENCE, thresholdOf } from './levels.ts'
export { type PooledReading, readPooled } from './pooled-reading.ts'
export { type GuardSituation, readGuard } from './reading.ts'
export { type CountedOutcome, type Excuse, type Recorded, Recording, type RecordingState } from './recording.ts'
export { type FailingGuardState, FailingGuards } from './statistics/failing-guard.ts'
export { type Counts, PASSING_EVIDENCE, passingBound, passingEvidence } from './statistics/passing-guard.ts'
export { meanEvidence, suspects } from './statistics/pooled-evidence.ts'
export { betaQuantile, cohortPrior, DEFAULT_PRIOR, type RatePrior, toleratedRate } from './statistics/tolerated-rate.ts'
export type {
  ApplicationGuard,
  GuardJudgement,
  GuardLevel,
  GuardName,
  GuardReading,
  GuardVerdict,
} from './vocabulary.ts'
