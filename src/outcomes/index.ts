export type { CompletedFlow, FlowOutcome, OutcomeChange } from './flow-outcome.ts'
export {
  OUTCOME_CAUSES,
  OUTCOME_KINDS,
  OUTCOME_SIDES,
  type OutcomeCause,
  type OutcomeKind,
  type OutcomeSide,
} from './vocabulary.ts'
