export { type FailingGuardState, FailingGuards } from './failing-guard.ts'
export type {
  ApplicationGuard,
  GuardJudgement,
  GuardLevel,
  GuardName,
  GuardReading,
  GuardVerdict,
} from './vocabulary.ts'
