export {
  type AskedAction,
  actOn,
  INCREASING_ACTIONS,
  ROLLOUT_ACTIONS,
  type RolloutAction,
  stateOf,
} from './actions.ts'
export {
  CHECKLIST_ITEMS,
  CHECKLIST_PHASES,
  type ChecklistEntry,
  type ChecklistPhase,
  checklistOf,
  type ItemCheck,
  type ItemTick,
  openBefore,
  openItemInWords,
  openItems,
  type PlannedItems,
} from './checklist/checklist.ts'
export { changedByHandInWords, type Decision, decide, type NextStepFact, type RolloutFacts } from './decision/decide.ts'
export { aboutInWords, durationInWords } from './plan/duration.ts'
export type { PlanNotify, PlanStep } from './plan/plan.ts'
export { evidenceInWords, movesInWords, type PlanTerms } from './plan/plan-rules.ts'
export { planSchema } from './plan/plan-schema.ts'
export { MAX_PLAN_BYTES, type PlanFault, planFaultInWords, readPlan, readPlanObject } from './plan/read-plan.ts'
export type { ProblemFact } from './problem.ts'
export { refusedActions } from './refused-actions.ts'
export type { Chart } from './report/chart.ts'
export { type IssueFacts, newIssue, updatedIssue } from './report/issue.ts'
export { PAGE_STYLE, pageAsHtml, pageAsMarkdown } from './report/page.ts'
export { reportOf } from './report/report.ts'
export type { ReportedEvent, ReportedRollout } from './report/reported.ts'
export {
  ACTIVE_STATES,
  type Course,
  DRAFT,
  movedBy,
  nextStep,
  type PendingWrite,
  ROLLOUT_STATES,
  type Rollout,
  type RolloutEvent,
  type RolloutEventKind,
} from './rollout.ts'
export { sentenceOf } from './sentence.ts'
export { type ShownEvidence, shownEvidence } from './shown-evidence.ts'
export { DecisionLines } from './simulation/decision-lines.ts'
export { readTrafficLines, TrafficCounter } from './simulation/observed-traffic.ts'
export { simulate } from './simulation/simulate.ts'
export { type Candidate, exclusionChanges, gatesToRestore, membersOf } from './steps.ts'
export { flowsAtRisk, namedOnly, shareOf, type Traffic } from './traffic.ts'
