import { type FlagState, OFF } from '../flags/index.ts'
import {
  ACTIVE_STATES,
  type Course,
  nextStep,
  type PendingAuthor,
  type PendingWrite,
  type Rollout,
  type RolloutEventKind,
} from './rollout.ts'
import { exclusionChanges, gatesToRestore, gatesWith, retryChanges } from './steps.ts'

/** What people can do with a rollout. */
export const ROLLOUT_ACTIONS = [
  'start',
  'pause',
  'resume',
  'next',
  'back',
  'abort',
  'exclude',
  'retry',
  'approve',
  'acknowledge',
] as const
export type RolloutAction = (typeof ROLLOUT_ACTIONS)[number]

/** The actions that can move applications towards IAM; the others never meet a rule. */
export const INCREASING_ACTIONS: readonly RolloutAction[] = [
  'start',
  'resume',
  'next',
  'retry',
  'approve',
  'acknowledge',
]

/** For how long an acknowledgement counts as a watch. */
export const WATCH_MS = 2 * 3_600_000

/** An action as a person asks for it. */
export interface AskedAction {
  readonly action: RolloutAction
  /** For `back`: the step to go back to, 0 for the beginning. For `approve`: the step. */
  readonly step?: number | undefined
  /** For `exclude` and `retry`. */
  readonly applicationId?: number | undefined
  /** For `abort`: leave the flag as it is. */
  readonly keep?: boolean | undefined
  readonly reason?: string | undefined
  readonly changeIssueUrl?: string | undefined
  readonly overrides?: readonly string[] | undefined
  /** Who acts. Equal names are the same person. */
  readonly author: PendingAuthor
}

/** The flag as an action finds it. */
export interface ActionFacts {
  readonly flag: { readonly state: FlagState | null; readonly version: number; readonly effective: FlagState }
  readonly brake: { readonly on: boolean }
  /** Whether a second person must approve what moves applications in this environment. */
  readonly needsSecondPerson: boolean
  /** A label for the change of the flag, unique in its history. */
  readonly decision: string
  /** ISO 8601. */
  readonly at: string
}

/** What an action makes of a rollout, or why it is refused; `field` names the parameter that is wrong or missing. */
export type ActionResult =
  | { readonly course: Course; readonly event: { readonly kind: RolloutEventKind; readonly sentence: string } }
  | { readonly refused: string; readonly field?: 'reason' | 'step' | 'application' }

/** Carries out a person's action on a rollout. Pure; changes of the flag become {@link Rollout.pending}. */
export function actOn(rollout: Rollout, asked: AskedAction, facts: ActionFacts): ActionResult {
  const { id: _id, plan: _plan, version: _version, ...course } = rollout
  const refusal = refusalOf(rollout, asked, facts)
  if (refusal !== undefined) return refusal
  return ACTIONS[asked.action]({ rollout, course, asked, facts })
}

interface ActionContext {
  readonly rollout: Rollout
  readonly course: Course
  readonly asked: AskedAction
  readonly facts: ActionFacts
}

const STATES: Readonly<Record<RolloutAction, readonly Rollout['state'][]>> = {
  start: ['draft'],
  pause: ['waiting', 'running', 'held', 'soaking'],
  resume: ['paused', 'held'],
  next: ['waiting', 'running'],
  back: ACTIVE_STATES,
  abort: ['draft', ...ACTIVE_STATES],
  exclude: ACTIVE_STATES,
  retry: ACTIVE_STATES,
  approve: ACTIVE_STATES,
  acknowledge: ACTIVE_STATES,
}

function refusalOf(rollout: Rollout, { action, reason }: AskedAction, facts: ActionFacts): ActionResult | undefined {
  if (!STATES[action].includes(rollout.state)) {
    return { refused: `${action} is not possible in state ${rollout.state}` }
  }
  const writes = ['back', 'exclude', 'retry'].includes(action)
  if (rollout.pending !== undefined && writes) {
    return { refused: 'a change of the flag is being carried out; try again in a moment' }
  }
  if (facts.brake.on && INCREASING_ACTIONS.includes(action) && action !== 'acknowledge' && action !== 'approve') {
    return { refused: 'the brake is on; release it first' }
  }
  const needsReason = action === 'next' || (action === 'start' && rollout.plan.watch === 'unattended')
  if (needsReason && reason === undefined) {
    const why = action === 'next' ? 'because it does not wait for evidence' : 'because the plan runs unattended'
    return { refused: `a reason must be given, ${why}`, field: 'reason' }
  }
  return undefined
}

type Act = (context: ActionContext) => ActionResult

const ACTIONS: Readonly<Record<RolloutAction, Act>> = {
  start: ({ rollout, course, asked, facts }) => {
    const refused = refusalOfStart(rollout, facts.flag.effective)
    if (refused !== undefined) return { refused }
    const { version: flagVersion, state: gates } = facts.flag
    return done(
      {
        ...course,
        ...{ state: 'waiting', flagVersion, reached: [{ gates, applications: [] }] },
        ...{ startedBy: asked.author.by, startReason: asked.reason, overrides: asked.overrides ?? [] },
        changeIssueUrl: asked.changeIssueUrl ?? rollout.plan.changeIssueUrl,
      },
      'started',
      `${asked.author.by} started the rollout${because(asked)}`,
    )
  },
  pause: ({ course, asked }) =>
    done(
      { ...course, state: 'paused', pausedBy: asked.author.by },
      'paused',
      `${asked.author.by} paused the rollout${because(asked)}`,
    ),
  resume: ({ rollout, course, asked, facts }) => {
    const isAdopted = facts.flag.version !== rollout.flagVersion && rollout.pending === undefined
    const reached = isAdopted ? adopted(rollout, facts.flag.state) : course.reached
    const note = isAdopted ? ', with the flag as it is now' : ''
    return done(
      {
        ...course,
        ...{ state: stateOf(rollout), hold: undefined, pausedBy: undefined, reached },
        flagVersion: facts.flag.version,
        restarts: course.restarts + (rollout.hold?.kind === 'failure' ? 1 : 0),
      },
      'resumed',
      `${asked.author.by} resumed the rollout${note}${because(asked)}`,
    )
  },
  next: ({ rollout, course, asked }) => {
    if (nextStep(rollout) === undefined) return { refused: 'there is no step after this one' }
    const waiver = { step: rollout.step, by: asked.author.by }
    return done(
      { ...course, waiver },
      'next',
      `${asked.author.by} asked for the next step without further evidence${because(asked)}`,
    )
  },
  back: ({ rollout, course, asked, facts }) => {
    if (rollout.step === 0) return { refused: 'no step has begun, so there is nothing to go back to' }
    const to = asked.step ?? rollout.step - 1
    if (to < 0 || to >= rollout.step) {
      return { refused: `the step must be from 0 to ${rollout.step - 1}`, field: 'step' }
    }
    const pending = restoring(rollout, { to, state: 'paused' }, asked, facts)
    const sentence = `${asked.author.by} went back to step ${to}${because(asked)}`
    const paused: Course = { ...course, state: 'paused', pausedBy: asked.author.by, hold: undefined }
    if (rollout.plan.mode === 'advise')
      return done({ ...paused, step: to, isSoaking: false, elapsedMs: 0 }, 'step_back', sentence)
    return done({ ...paused, pending }, 'step_back', sentence)
  },
  abort: ({ rollout, course, asked, facts }) => {
    const keeps = asked.keep === true || rollout.step === 0 || rollout.plan.mode === 'advise'
    const way = rollout.step === 0 ? '' : keeps ? '; the flag stays as it is' : '; the flag goes back to what it was'
    const sentence = `${asked.author.by} aborted the rollout${way}${because(asked)}`
    if (keeps) return done(endedWithoutRestoring(rollout, course, asked), 'aborted', sentence)
    const pending = restoring(rollout, { to: 0, state: 'aborted' }, asked, facts)
    return done({ ...course, state: 'paused', pausedBy: asked.author.by, pending }, 'aborted', sentence)
  },
  exclude: ({ rollout, course, asked, facts }) => {
    const id = asked.applicationId
    if (id === undefined) return { refused: 'an application must be given', field: 'application' }
    if (rollout.excluded.some(({ application_id }) => application_id === id)) {
      return { refused: `application ${id} is excluded already` }
    }
    const sentence = `${asked.author.by} excluded it${because(asked)}`
    const exclusion = { application_id: id, guard: 'person', cause: null, sentence, at: facts.at }
    const excluded = [...course.excluded, exclusion]
    const pending = setting(rollout, exclusionChanges([id]), asked, facts)
    return done(
      withPending({ ...course, excluded }, rollout, pending),
      'excluded',
      `${asked.author.by} excluded application ${id}${because(asked)}`,
    )
  },
  retry: ({ rollout, course, asked, facts }) => {
    const id = asked.applicationId
    if (id === undefined) return { refused: 'an application must be given', field: 'application' }
    if (!rollout.excluded.some(({ application_id }) => application_id === id)) {
      return { refused: `application ${id} is not excluded` }
    }
    const excluded = course.excluded.filter(({ application_id }) => application_id !== id)
    const attempts = { ...course.attempts, [id]: (course.attempts[id] ?? 1) + 1 }
    const pending = setting(rollout, retryChanges(id), asked, facts)
    const sentence = `${asked.author.by} tries application ${id} again${because(asked)}`
    const reached = course.reached.map((step) => ({ ...step, gates: gatesWith(step.gates, id) }))
    return done(withPending({ ...course, excluded, attempts, reached }, rollout, pending), 'retried', sentence)
  },
  approve: ({ rollout, course, asked, facts }) => {
    const step = asked.step ?? rollout.step + 1
    if (step <= rollout.step || step > rollout.plan.steps.length) {
      return { refused: `the step must be from ${rollout.step + 1} to ${rollout.plan.steps.length}`, field: 'step' }
    }
    const { by } = asked.author
    if (facts.needsSecondPerson && by === rollout.startedBy) {
      return { refused: `${by} started the rollout; in ${rollout.plan.environment} another person must approve` }
    }
    const approvals = [...course.approvals.filter((each) => each.step !== step), { step, by, at: facts.at }]
    return done({ ...course, approvals }, 'approved', `${by} approved step ${step}${because(asked)}`)
  },
  acknowledge: ({ course, asked }) => {
    const watch = { by: asked.author.by, leftMs: WATCH_MS }
    return done({ ...course, watch }, 'acknowledged', `${asked.author.by} watches for two hours${because(asked)}`)
  },
}

function done(course: Course, kind: RolloutEventKind, sentence: string): ActionResult {
  return { course, event: { kind, sentence } }
}

function because({ reason }: AskedAction): string {
  return reason === undefined ? '' : `: ${reason}`
}

/**
 * The course of an aborted rollout that leaves the flag as it is. A step that was about to be taken is dropped; what
 * takes applications back is still carried out, and ends the rollout.
 */
function endedWithoutRestoring({ pending }: Rollout, course: Course, asked: AskedAction): Course {
  if (!pending?.isProtective) return { ...course, state: 'aborted', hold: undefined, pending: undefined }
  const last = { ...pending, outcome: { ...pending.outcome, state: 'aborted' as const } }
  return { ...course, state: 'paused', pausedBy: asked.author.by, hold: undefined, pending: last }
}

/** The state in which a rollout continues; its next decision corrects it. */
export function stateOf({ step, isSoaking }: Pick<Rollout, 'step' | 'isSoaking'>): Rollout['state'] {
  return isSoaking ? 'soaking' : step === 0 ? 'waiting' : 'running'
}

/** Why a plan cannot start from the flag as it is. */
function refusalOfStart({ plan }: Rollout, flag: FlagState): string | undefined {
  if (flag.boolean) return `the flag ${plan.flag} is on for all in ${plan.environment}; there is nothing to roll out`
  for (const { number, moves } of plan.steps) {
    if (moves.kind === 'percentage' && moves.percentage <= flag.percentage_of_actors) {
      return `the flag is at ${flag.percentage_of_actors} % already, so step ${number} (${moves.percentage} %) would not widen it`
    }
  }
  return undefined
}

/** The steps reached, with the flag that someone changed by hand as the state of the step in force. */
function adopted({ reached, step }: Rollout, gates: FlagState | null): Course['reached'] {
  return reached.map((each, at) => (at === step ? { ...each, gates } : each))
}

function restoring(
  rollout: Rollout,
  { to, state }: { readonly to: number; readonly state: Rollout['state'] },
  asked: AskedAction,
  facts: ActionFacts,
): PendingWrite {
  return {
    ifVersion: rollout.flagVersion,
    change: { restore: gatesToRestore(rollout.reached[to]?.gates ?? null, rollout.excluded, OFF) },
    isProtective: asked.action !== 'retry',
    decision: facts.decision,
    by: asked.author,
    reason: asked.reason ?? `rollout ${rollout.plan.name}: ${asked.action}`,
    outcome: { state, step: to, restartsClock: true },
  }
}

function setting(
  rollout: Rollout,
  set: ReturnType<typeof exclusionChanges>,
  asked: AskedAction,
  facts: ActionFacts,
): PendingWrite {
  return {
    ifVersion: rollout.flagVersion,
    change: { set },
    isProtective: asked.action !== 'retry',
    decision: facts.decision,
    by: asked.author,
    reason: asked.reason ?? `rollout ${rollout.plan.name}: ${asked.action}`,
    outcome: { state: rollout.state, step: rollout.step, restartsClock: false },
  }
}

/** A rollout that only advises leaves the flag alone. */
function withPending(course: Course, { plan }: Rollout, pending: PendingWrite): Course {
  return plan.mode === 'advise' ? course : { ...course, pending }
}
