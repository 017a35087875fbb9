export { ApplicationMemory, type RememberedApplication } from './application-memory.ts'
export type { CompletedFlow, FlowOutcome, OutcomeChange } from './flow-outcome.ts'
export type { IssuedCredential, Observation, ObservedRequest, ObservedTrouble } from './observation.ts'
export { UNTOLD } from './observation.ts'
export { putObservation, readObservation, writeObservation } from './observation-lines.ts'
export { MOST_OBSERVATIONS, OUTCOME_BATCH_PATH, type OutcomeBatch, type OutcomeReceipt } from './outcome-batch.ts'
export { type JoinChange, OutcomeJoin } from './outcome-join.ts'
export { testObservation } from './testing.ts'
export {
  OUTCOME_CAUSES,
  OUTCOME_KINDS,
  OUTCOME_SIDES,
  type OutcomeCause,
  type OutcomeKind,
  type OutcomeSide,
} from './vocabulary.ts'
