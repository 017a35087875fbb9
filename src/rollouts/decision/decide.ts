import type { FlagChange, FlagState } from '../../flags/index.ts'
import type { GuardJudgement, GuardReading, GuardVerdict } from '../../guards/index.ts'
import { aboutInWords } from '../plan/duration.ts'
import type { PlanStep } from '../plan/plan.ts'
import { countInWords, movesInWords } from '../plan/plan-rules.ts'
import type { ProblemFact } from '../problem.ts'
import { currentStep, type Exclusion, type Hold, movedBy, nextStep, type Rollout } from '../rollout.ts'
import { evidenceGap } from './evidence.ts'

/** The flag as it is now. */
export interface FlagFact {
  /** 0 for a flag that is not set. */
  readonly version: number
  readonly state: FlagState | null
  /** Whether the flag still has a definition. */
  readonly isDefined: boolean
  /** Who made its last change. */
  readonly changedBy: string | undefined
}

/** What the next step would move now, and what that costs. */
export interface NextStepFact {
  readonly applications: readonly number[]
  readonly missing: ReadonlyArray<number | string>
  readonly changes: readonly FlagChange[]
  /** The flag is as the step wants it already. */
  readonly isInForce: boolean
  /** Why the flag cannot be changed so. */
  readonly refused: string | undefined
  /** The share of the traffic; undefined while no traffic is known. */
  readonly trafficShare: number | undefined
  readonly flowsAtRisk: number
  /** Applications that move by name only. */
  readonly namedOnly: readonly number[]
  /** Sentences on what else is in the way: rules, checklist, drill. Asked for only when the step is near. */
  readonly obstacles: readonly string[]
}

/** What a PromQL query of the plan said last. */
export interface QueryFact {
  readonly guard: string
  readonly verdict: GuardVerdict
  readonly value: number | undefined
  readonly sentence: string
}

/** Everything that a decision rests on, besides the rollout itself. */
export interface RolloutFacts {
  readonly flag: FlagFact
  readonly brake: { readonly on: boolean; readonly reason: string }
  readonly judgement: GuardJudgement
  readonly readings: readonly GuardReading[]
  /** What the PromQL queries of the plan said last. */
  readonly queries: readonly QueryFact[]
  readonly problems: readonly ProblemFact[]
  /** End-to-end pipelines that failed after a write of this rollout, as sentences. */
  readonly failedPipelines: readonly string[]
  /** Undefined after the last step. */
  readonly next: NextStepFact | undefined
  /** Why no guard has caught the twin that was broken on purpose. Asked for only when the next step is near. */
  readonly missedDrill: string | undefined
  /** What is in the way of completing: items of the checklist. */
  readonly endObstacles: readonly string[]
  /** How many applications there are. */
  readonly applications: number
  /** Whether an application still exists: one that was removed has nothing left to show. */
  readonly exists: (application: number) => boolean
  /** Flows a day of an application, to say when evidence will suffice; undefined while unknown. */
  readonly flowsPerDay: (applications: readonly number[]) => number | undefined
}

/** What to do next, with one sentence that says why and what it rests on. */
export type Decision = { readonly sentence: string; readonly evidence: unknown } & (
  | { readonly do: 'none' }
  | {
      readonly do: 'wait'
      /** `people`: only people or other systems are waited for; `step`: the step in force is not over. */
      readonly for: 'people' | 'step'
      readonly why: readonly string[]
      /** The monotonic time until the decision can be another one at the earliest; undefined when unknown. */
      readonly untilMs: number | undefined
    }
  | { readonly do: 'advance'; readonly step: PlanStep; readonly next: NextStepFact }
  /** In mode advise: a person should take the step. */
  | { readonly do: 'advise'; readonly step: PlanStep }
  | { readonly do: 'exclude'; readonly exclusions: ReadonlyArray<Omit<Exclusion, 'at'>> }
  | { readonly do: 'step_back'; readonly toStep: number; readonly usesBrake: boolean }
  | { readonly do: 'hold'; readonly hold: Hold; readonly switchesOff: boolean }
  | { readonly do: 'release' }
  | { readonly do: 'pause' }
  | { readonly do: 'soak' }
  | { readonly do: 'complete' }
)

const NONE: Decision = { do: 'none', sentence: '', evidence: null }

/**
 * Decides what a rollout does next. Pure: the same rollout and facts give the same decision. `now`, in milliseconds
 * since 1970, serves dates only; dwell times count the rollout's own monotonic time. The order is that of danger: what
 * was changed by hand, the brake, the guards, what people and pipelines report; only then whether to go on.
 */
export function decide(rollout: Rollout, facts: RolloutFacts, now: number): Decision {
  const { state, plan, hold } = rollout
  if (state === 'draft' || state === 'completed' || state === 'aborted' || rollout.pending) return NONE
  const isActing = plan.mode === 'act'
  if (isActing && facts.flag.version !== rollout.flagVersion) return changedByHand(rollout, facts)
  if (!facts.flag.isDefined && hold === undefined) return holdFor('flag', `the flag ${plan.flag} has no definition`, {})
  if (facts.brake.on && state !== 'paused') {
    const why = facts.brake.reason === '' ? '' : `: ${facts.brake.reason}`
    return { do: 'pause', sentence: `Paused because the brake is on${why}`, evidence: facts.brake }
  }
  return (
    protect(rollout, facts) ??
    (state === 'paused' || hold !== undefined
      ? NONE
      : state === 'soaking'
        ? soak(rollout, facts)
        : goOn(rollout, facts, now))
  )
}

function changedByHand({ plan, flagVersion, state, hold }: Rollout, { flag }: RolloutFacts): Decision {
  if (state === 'paused' || hold?.kind === 'flag') return NONE
  const who = flag.changedBy ?? 'someone'
  const what = flag.state === null ? 'removed' : 'changed'
  const sentence = changedByHandInWords(plan, what, who)
  return holdFor('flag', sentence, { expected_version: flagVersion, found_version: flag.version, changed_by: who })
}

/** Why a rollout is held whose flag someone has changed. Names the person last: names are not capitalized. */
export function changedByHandInWords(
  { flag, environment }: Pick<Rollout['plan'], 'flag' | 'environment'>,
  what: 'changed' | 'removed',
  who: string,
): string {
  return `the flag ${flag} in ${environment} was ${what} by ${who}; resume continues from there`
}

function holdFor(kind: Hold['kind'], sentence: string, evidence: unknown, switchesOff = false): Decision {
  return { do: 'hold', hold: { kind, sentence }, sentence: `Held: ${sentence}`, evidence, switchesOff }
}

/** What protects users, in every state; undefined when nothing needs to be done. */
function protect(rollout: Rollout, facts: RolloutFacts): Decision | undefined {
  const { plan, hold, step } = rollout
  const { judgement } = facts
  if (rollout.state !== 'paused' || !facts.brake.on) {
    const excluded = exclusionsOf(rollout, facts)
    const general = generalFailure(facts)
    if (general !== undefined && step > 0 && hold?.kind !== 'failure') {
      const usesBrake = plan.onGlobalFailure === 'brake'
      const way = usesBrake ? 'sets the brake' : `goes back to step ${step - 1}`
      const sentence = `${general.sentence.replace(/\.$/, '')}; the rollout ${way} and is held`
      const evidence = { ...general.evidence, readings: suspects(facts) }
      return { do: 'step_back', toStep: usesBrake ? step : step - 1, usesBrake, sentence, evidence }
    }
    if (excluded !== undefined) return excluded
  }
  if (hold === undefined || hold.kind === 'guards') {
    const limit = beyondLimit(rollout, facts)
    if (limit !== undefined) return limit
    const [pipeline] = facts.failedPipelines
    if (pipeline !== undefined && plan.pipeline === 'required') {
      const isStaging = plan.environment === 'staging'
      return holdFor('pipeline', pipeline, { pipelines: facts.failedPipelines }, isStaging)
    }
  }
  if (judgement.do === 'hold' && hold === undefined && rollout.state !== 'paused') {
    return holdFor('guards', judgement.sentence, { readings: suspects(facts) })
  }
  if (judgement.do === 'continue' && hold?.kind === 'guards') {
    return { do: 'release', sentence: 'Resumed: the reason of the hold has passed', evidence: hold }
  }
  return undefined
}

/** What fails for all moved applications: their guards together, or a query, unless legacy fails as well. */
function generalFailure({ judgement, queries }: RolloutFacts) {
  if (judgement.do === 'step_back' && judgement.scope === 'step') {
    return { sentence: judgement.sentence, evidence: { applications: judgement.applications } }
  }
  const failed = queries.find(({ verdict }) => verdict === 'fail')
  if (failed === undefined || judgement.do === 'hold') return undefined
  return { sentence: failed.sentence, evidence: { queries } }
}

/** The queries that keep a step from passing. */
function openQueries({ queries }: RolloutFacts): string[] {
  return queries.flatMap(({ verdict, sentence }) => (verdict === 'pass' ? [] : [sentence]))
}

/** The applications to take out: those whose guard fails, whole cohorts that fail, and those with reported problems. */
function exclusionsOf(rollout: Rollout, { judgement, problems, readings }: RolloutFacts): Decision | undefined {
  const isOut = new Set(rollout.excluded.map(({ application_id }) => application_id))
  const isMoved = new Set(movedBy(rollout))
  const found = new Map<number, Omit<Exclusion, 'at'>>()
  if (judgement.do === 'exclude') {
    for (const { applicationId, guard, cause, sentence } of judgement.readings) {
      if (isMoved.has(applicationId)) {
        found.set(applicationId, { application_id: applicationId, guard, cause: cause ?? null, sentence })
      }
    }
  }
  if (judgement.do === 'step_back' && judgement.scope === 'cohort') {
    for (const id of judgement.applications) {
      const { sentence } = judgement
      if (isMoved.has(id)) found.set(id, { application_id: id, guard: 'cohort', cause: null, sentence })
    }
  }
  for (const { applicationId, reason, reportedBy } of problems) {
    const sentence = `${reportedBy} reported a problem: ${reason}`
    if (!found.has(applicationId) && !isOut.has(applicationId)) {
      found.set(applicationId, { application_id: applicationId, guard: 'problem', cause: null, sentence })
    }
  }
  if (found.size === 0) return undefined
  const exclusions = [...found.values()].sort((a, b) => a.application_id - b.application_id)
  const [first] = exclusions
  const names = exclusions.slice(0, 3).map(({ application_id }) => String(application_id))
  const more = exclusions.length > names.length ? ` and ${exclusions.length - names.length} more` : ''
  const noun = exclusions.length === 1 ? 'Application' : 'Applications'
  const sentence = `${noun} ${names.join(', ')}${more} taken back: ${first?.sentence}`
  return {
    do: 'exclude',
    exclusions,
    sentence,
    evidence: readings.filter(({ applicationId }) => found.has(applicationId)),
  }
}

/** How many exclusions a plan accepts; a percentage counts all applications, and is at least 1. */
export function exclusionLimit({ excludeAtMost }: Rollout['plan'], applications: number): number {
  if ('count' in excludeAtMost) return excludeAtMost.count
  return Math.max(1, Math.floor((applications * excludeAtMost.percent) / 100))
}

function beyondLimit({ plan, excluded }: Rollout, { applications }: RolloutFacts): Decision | undefined {
  const most = exclusionLimit(plan, applications)
  // What people took out themselves says nothing about the rollout.
  const counted = excluded.filter(({ guard }) => guard !== 'person').length
  if (counted <= most) return undefined
  const were = `${countInWords(counted, 'application')} ${counted === 1 ? 'was' : 'were'}`
  const sentence = `${were} taken back, and the plan accepts at most ${most}`
  return holdFor('exclusions', sentence, { excluded: counted, at_most: most })
}

/** The readings under suspicion, of all applications. */
function suspects({ readings }: RolloutFacts): GuardReading[] {
  return readings.filter(({ level }) => level !== 'quiet').slice(0, 20)
}

/** Sentences on guards that keep a step from passing although nothing is to be done yet. */
function suspicions(moved: readonly number[], { readings }: RolloutFacts): string[] {
  const isMoved = new Set(moved)
  const about = readings.filter(({ level, applicationId }) => level !== 'quiet' && isMoved.has(applicationId))
  return about.slice(0, 3).map(({ sentence }) => sentence)
}

function soak(rollout: Rollout, facts: RolloutFacts): Decision {
  const leftMs = rollout.plan.soakMs - rollout.elapsedMs
  const doubts = [...suspicions(movedBy(rollout), facts), ...openQueries(facts)]
  const why = [
    ...(leftMs > 0 ? [`the soak lasts ${aboutInWords(leftMs)} longer`] : []),
    ...doubts,
    ...facts.endObstacles,
  ]
  if (why.length > 0) return waiting(leftMs > 0 || doubts.length > 0 ? 'step' : 'people', why, leftMs)
  const excluded = rollout.excluded.length
  const sentence = `Completed: ${countInWords(movedBy(rollout).length, 'application')} moved, ${excluded} taken back`
  return { do: 'complete', sentence, evidence: { moved: movedBy(rollout).length, excluded: rollout.excluded } }
}

/** Whether the step in force is over, and whether the next one may begin. */
function goOn(rollout: Rollout, facts: RolloutFacts, now: number): Decision {
  const own = ownReasons(rollout, facts)
  const following = nextStep(rollout)
  if (following === undefined || facts.next === undefined) {
    if (own.why.length > 0) return waiting('step', own.why, own.untilMs)
    const { length } = rollout.plan.steps
    const sentence = `${length === 1 ? 'The only step is' : `All ${length} steps are`} done; the soak begins`
    return { do: 'soak', sentence, evidence: stepEvidence(rollout, facts) }
  }
  if (facts.missedDrill !== undefined) return holdFor('drill', facts.missedDrill, {})
  // Before the first step, queries are all that could show that something is wrong.
  const queries = rollout.step === 0 ? openQueries(facts) : []
  const others = [...queries, ...reasonsBefore(rollout, following, facts.next, now)]
  const why = [...own.why, ...others]
  if (why.length > 0) return waiting(own.why.length > 0 ? 'step' : 'people', why, own.untilMs)
  if (rollout.plan.mode === 'act' || facts.next.isInForce) return advance(rollout, following, facts.next, facts)
  if (rollout.advised !== following.number) {
    const { sentence, evidence } = advance(rollout, following, facts.next, facts)
    return { do: 'advise', step: following, sentence: `Advice: take ${sentence}`, evidence }
  }
  return waiting(
    'people',
    [`step ${following.number} is advised; a person must take it by changing the flag`],
    undefined,
  )
}

function waiting(whom: 'people' | 'step', why: readonly string[], untilMs: number | undefined): Decision {
  const until = untilMs === undefined || untilMs <= 0 ? undefined : untilMs
  return { do: 'wait', for: whom, why, untilMs: until, sentence: `Waiting: ${why.join('; ')}`, evidence: { why } }
}

/** What the step in force still lacks: time, evidence, an end of suspicion. A person can waive all but the last. */
function ownReasons(rollout: Rollout, facts: RolloutFacts) {
  const step = currentStep(rollout)
  if (step === undefined) return { why: [], untilMs: undefined }
  const moved = movedBy(rollout)
  const why = suspicions(moved, facts)
  if (rollout.waiver?.step === step.number) return { why, untilMs: undefined }
  const leftMs = step.dwellMs - rollout.elapsedMs
  if (leftMs > 0) why.push(`step ${step.number} lasts ${aboutInWords(leftMs)} longer`)
  const own = membersStillMoved(rollout).filter(facts.exists)
  const gap = evidenceGap(step, own, facts.readings)
  const perDay = facts.flowsPerDay(own)
  const evidenceMs = perDay === undefined || perDay <= 0 ? undefined : (gap.outcomesMissing / perDay) * 86_400_000
  const isLong = evidenceMs !== undefined && evidenceMs > Math.max(0, leftMs)
  const until = isLong ? `, in about ${aboutInWords(evidenceMs)} at the usual traffic` : ''
  why.push(...openQueries(facts))
  why.push(...gap.sentences.map((sentence, at) => (at === 0 ? sentence + until : sentence)))
  const untilMs =
    gap.sentences.length === 0 ? leftMs : evidenceMs === undefined ? undefined : Math.max(leftMs, evidenceMs)
  return { why, untilMs }
}

/** The applications that the step in force moved and that were not taken back. */
function membersStillMoved(rollout: Rollout): number[] {
  const moved = new Set(movedBy(rollout))
  return (rollout.reached[rollout.step]?.applications ?? []).filter((id) => moved.has(id))
}

/** What the next step waits for besides the one in force. */
function reasonsBefore(rollout: Rollout, step: PlanStep, next: NextStepFact, now: number): string[] {
  const { plan, approvals, watch } = rollout
  const why: string[] = []
  const from = Math.max(step.notBefore ?? 0, step.number === 1 ? (plan.notBefore ?? 0) : 0)
  if (from > now) why.push(`step ${step.number} does not begin before ${new Date(from).toISOString()}`)
  if (step.needsApproval && !approvals.some((each) => each.step === step.number)) {
    why.push(`a person must approve step ${step.number}`)
  }
  if (plan.watch === 'acknowledge' && (watch === undefined || watch.leftMs <= 0)) {
    why.push(`a person must acknowledge that they watch for two hours`)
  }
  if (next.refused !== undefined) why.push(next.refused)
  for (const id of next.namedOnly) {
    if (step.moves.kind === 'applications') break
    why.push(`application ${id} carries more than 10 % of the traffic and moves by name only: list it, or exclude it`)
  }
  if (plan.budgetFlows !== undefined && next.flowsAtRisk > plan.budgetFlows) {
    why.push(
      `step ${step.number} could fail ${countInWords(next.flowsAtRisk, 'flow')} before its guards act, over the budget of ${plan.budgetFlows}`,
    )
  }
  return [...why, ...next.obstacles]
}

function advance(rollout: Rollout, step: PlanStep, next: NextStepFact, facts: RolloutFacts): Decision {
  const count = next.applications.length
  const share = next.trafficShare === undefined ? 'traffic unknown' : `${percent(next.trafficShare)} of the traffic`
  const gone =
    next.missing.length === 0
      ? ''
      : `; ${next.missing.join(', ')} ${next.missing.length === 1 ? 'no longer exists and is' : 'no longer exist and are'} left out`
  const sentence =
    `Step ${step.number} of ${rollout.plan.steps.length}: ${movesInWords(step.moves)}, ` +
    `${countInWords(count, 'application')} with ${share}${gone}`
  const evidence = {
    applications: next.applications.slice(0, 200),
    traffic_share: next.trafficShare ?? null,
    flows_at_risk: next.flowsAtRisk,
    step_before: stepEvidence(rollout, facts),
  }
  return { do: 'advance', step, next, sentence, evidence }
}

/** What the step in force has shown. */
function stepEvidence(rollout: Rollout, { readings }: RolloutFacts): unknown {
  const members = new Set(membersStillMoved(rollout))
  const own = readings.filter(({ applicationId, guard }) => guard === 'failures' && members.has(applicationId))
  return {
    step: rollout.step,
    elapsed_ms: Math.round(rollout.elapsedMs),
    waived_by: rollout.waiver?.step === rollout.step ? rollout.waiver.by : null,
    outcomes: own.reduce((all, { outcomes }) => all + outcomes, 0),
    failures: own.reduce((all, { failures }) => all + failures, 0),
    readings: own.slice(0, 50).map(({ applicationId, sentence }) => ({ application_id: applicationId, sentence })),
  }
}

function percent(share: number): string {
  const value = share * 100
  return `${value >= 10 || value === 0 ? Math.round(value) : Math.round(value * 10) / 10} %`
}
