export { ApplicationMemory, grantedRequests, type RememberedApplication } from './application-memory.ts'
export type { CompletedFlow, FlowOutcome, OutcomeChange } from './flow-outcome.ts'
export type { IssuedCredential, Observation, ObservedRequest, ObservedTrouble } from './observation.ts'
export { CLIENT_TROUBLES, OBSERVED_REQUESTS, OUR_TROUBLES, UNTOLD } from './observation.ts'
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
export { putObservation, writeObservation } from './wire/observation-lines.ts'
export { ObservationReader } from './wire/observation-reader.ts'
export {
  linesIn,
  MOST_OBSERVATIONS,
  OUTCOME_BATCH_PATH,
  type OutcomeBatch,
  type OutcomeReceipt,
  writeBatch,
} from './wire/outcome-batch.ts'
export { putNumber, putText } from './wire/plain-text.ts'
