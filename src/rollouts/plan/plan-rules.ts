import { suggestName } from '../../flags/index.ts'
import { durationOf } from './duration.ts'
import {
  BUILT_IN_GUARDS,
  type BuiltInGuard,
  type Plan,
  type PlanStep,
  type RequiredEvidence,
  type StepMoves,
} from './plan.ts'
import type { WrittenPlan } from './plan-schema.ts'

/** The percentages of a plan that lists no steps. */
export const TEMPLATE = [1, 10, 25, 50, 75, 100] as const

const MIN_DWELL = '15m'
const MIN_COMMON_FAULT = '10m'
/** One day at 100 %, on production. */
const MIN_SOAK = '24h'
const MAX_DURATION = '90d'

/** The rules that depend on when and where a plan is read. */
export interface PlanTerms {
  /** Milliseconds since 1970; dates before it are refused. Undefined accepts any date: for a plan that was stored. */
  readonly now: number | undefined
  /** Accept durations below the minimum: on loopback with test controls only. */
  readonly allowsShort: boolean
  /** What exists; undefined if unknown, as on a workstation. */
  readonly known?: Known | undefined
}

/** The flags and applications that exist. */
export interface Known {
  readonly flag: (name: string) => boolean
  /** By numeric id or client id. */
  readonly application: (name: number | string) => boolean
  /** Whether notifications of a kind are configured. */
  readonly channel: (kind: 'slack' | 'email' | 'webhook') => boolean
  /** Whether a plan may name this webhook: the operator decides where the control plane sends requests. */
  readonly webhook: (url: string) => boolean
}

/** A rule that a plan breaks, with the path to the field. */
export interface BrokenRule {
  readonly path: ReadonlyArray<string | number>
  readonly rule: string
}

type WrittenStep = NonNullable<WrittenPlan['steps']>[number]

/** The plan that was written, or the rules that it breaks across fields. */
export function planOf(written: WrittenPlan, terms: PlanTerms): Plan | { readonly broken: readonly BrokenRule[] } {
  const broken: BrokenRule[] = []
  const shortened: string[] = []
  const say = (path: BrokenRule['path'], rule: string | undefined) => {
    if (rule !== undefined) broken.push({ path, rule })
  }
  const atLeast = (path: BrokenRule['path'], text: string, least: string) => {
    const ms = durationOf(text)
    if (ms > durationOf(MAX_DURATION)) say(path, `must be at most ${MAX_DURATION}`)
    if (ms >= durationOf(least)) return ms
    if (terms.allowsShort) shortened.push(`${path.join('.')}: ${text} is below ${least}`)
    else say(path, `must be at least ${least}`)
    return ms
  }
  const date = (path: BrokenRule['path'], text: string | undefined) => {
    const at = text === undefined ? undefined : Date.parse(text)
    if (at !== undefined && terms.now !== undefined && at < terms.now) say(path, 'must not be in the past')
    return at
  }
  const dwellMs = atLeast(['dwell'], written.dwell, MIN_DWELL)
  const defaults = { dwellMs, evidence: evidenceOf(['evidence'], written.evidence, say) }
  const listed: readonly WrittenStep[] = written.steps ?? TEMPLATE.map((percentage) => ({ percentage }))
  const steps = listed.map((step, index): PlanStep => {
    const path = ['steps', index]
    return {
      number: index + 1,
      moves: movesOf(path, step, say),
      dwellMs: step.dwell === undefined ? defaults.dwellMs : atLeast([...path, 'dwell'], step.dwell, MIN_DWELL),
      evidence: step.evidence === undefined ? defaults.evidence : evidenceOf([...path, 'evidence'], step.evidence, say),
      passOnProbes: step.pass_on_probes ?? written.pass_on_probes,
      needsApproval: step.approval === 'required',
      notBefore: date([...path, 'not_before'], step.not_before),
    }
  })
  if (terms.known?.flag(written.flag) === false) say(['flag'], 'must have a definition')
  const faults = [
    ...faultsOfOrder(steps),
    ...faultsOfLists(steps, terms.known),
    ...faultsOfNotify(written, terms.known),
  ]
  for (const { path, rule } of faults) say(path, rule)
  const isProduction = written.environment === 'production'
  const plan: Plan = {
    ...{ name: written.name, flag: written.flag, environment: written.environment, steps },
    budgetFlows: written.budget?.flows,
    excludeAtMost: shareOf(written.exclude.at_most),
    soakMs: atLeast(['soak'], written.soak, isProduction ? MIN_SOAK : '0s'),
    mode: written.mode,
    watch: watchOf(written),
    ...guardsOf(written, say),
    commonFaultMs: atLeast(['common_fault', 'within'], written.common_fault.within, MIN_COMMON_FAULT),
    guardDrill: written.guard_drill,
    onGlobalFailure: written.on_global_failure,
    pipeline: written.pipeline ?? (written.environment === 'staging-ref' ? 'advisory' : 'required'),
    notBefore: date(['not_before'], written.not_before),
    changeIssueUrl: written.change_issue_url,
    ...{ rolloutIssueUrl: written.rollout_issue_url, milestone: written.milestone },
    checklist: written.checklist.map(({ item, before_step }) => ({ item, beforeStep: before_step })),
    notify: {
      ...{ responsible: written.notify.responsible, slack: written.notify.slack },
      ...{ email: written.notify.email, webhook: written.notify.webhook },
    },
    shortened,
  }
  written.checklist.forEach(({ before_step }, index) => {
    const last = steps.length + 1
    if (before_step > last) say(['checklist', index, 'before_step'], `must be at most ${last}, which is the end`)
  })
  return broken.length > 0 ? { broken } : plan
}

type Say = (path: BrokenRule['path'], rule: string | undefined) => void

function evidenceOf(path: BrokenRule['path'], written: WrittenPlan['evidence'], say: Say): RequiredEvidence {
  const { bound, outcomes } = written
  if (bound !== undefined && outcomes === undefined) return { bound }
  if (outcomes !== undefined && bound === undefined) return { outcomes }
  say(path, 'must have either bound or outcomes')
  return { bound: 0.1 }
}

function movesOf(path: BrokenRule['path'], { applications, sample, percentage }: WrittenStep, say: Say): StepMoves {
  const given = [applications, sample, percentage].filter((each) => each !== undefined)
  if (given.length !== 1) say(path, 'must have exactly one of applications, sample and percentage')
  if (applications !== undefined) return { kind: 'applications', applications }
  return percentage === undefined ? { kind: 'sample' } : { kind: 'percentage', percentage }
}

/** Percentages rise, and nothing follows the whole. */
function faultsOfOrder(steps: readonly PlanStep[]): BrokenRule[] {
  const faults: BrokenRule[] = []
  let highest = 0
  for (const { number, moves } of steps) {
    const path = ['steps', number - 1]
    if (highest >= 100) faults.push({ path, rule: 'must not follow a step of 100 percent' })
    if (moves.kind !== 'percentage') continue
    if (moves.percentage <= highest) {
      faults.push({ path: [...path, 'percentage'], rule: `must be more than the ${highest} of an earlier step` })
    }
    highest = Math.max(highest, moves.percentage)
  }
  return faults
}

/** No application is listed twice, and each exists. */
function faultsOfLists(steps: readonly PlanStep[], known: Known | undefined): BrokenRule[] {
  const faults: BrokenRule[] = []
  const seen = new Set<number | string>()
  for (const { number, moves } of steps) {
    if (moves.kind !== 'applications') continue
    moves.applications.forEach((application, index) => {
      const path = ['steps', number - 1, 'applications', index]
      if (seen.has(application)) faults.push({ path, rule: `must not list ${application} a second time` })
      seen.add(application)
      if (known?.application(application) === false) faults.push({ path, rule: 'must be a known application' })
    })
  }
  return faults
}

const WEBHOOK_RULE =
  'must be the configured webhook, or have an origin that control.notifications.webhook.plan_origins lists'

/** What a plan chooses needs the configured channel of its kind, or no one would be notified. */
function faultsOfNotify({ notify }: WrittenPlan, known: Known | undefined): BrokenRule[] {
  return (['slack', 'email', 'webhook'] as const).flatMap((kind) => {
    const isChosen = kind === 'email' ? notify.email.length > 0 : notify[kind] !== undefined
    if (!isChosen || known === undefined) return []
    const path = ['notify', kind]
    if (!known.channel(kind)) return [{ path, rule: `needs control.notifications.${kind}, which is not configured` }]
    const isForbidden = kind === 'webhook' && notify.webhook !== undefined && !known.webhook(notify.webhook)
    return isForbidden ? [{ path, rule: WEBHOOK_RULE }] : []
  })
}

function shareOf(written: number | string): Plan['excludeAtMost'] {
  return typeof written === 'number' ? { count: written } : { percent: Number(written.slice(0, -1)) }
}

function watchOf({ watch, environment }: WrittenPlan): Plan['watch'] {
  if (watch === undefined) return environment === 'production' ? 'acknowledge' : 'none'
  return watch === 'unattended' ? 'unattended' : 'acknowledge'
}

function guardsOf(written: WrittenPlan, say: Say): Pick<Plan, 'guards' | 'queries'> {
  const guards: BuiltInGuard[] = []
  const queries: Array<Plan['queries'][number]> = []
  const seen = new Set<string>()
  written.guards.forEach((guard, index) => {
    const path = ['guards', index]
    const name = typeof guard === 'string' ? guard : guard.name
    if (seen.has(name)) say(path, `must not name ${name} a second time`)
    seen.add(name)
    if (typeof guard !== 'string') {
      const { at_most: atMost, at_least: atLeast, query } = guard
      if (atMost === undefined && atLeast === undefined) say(path, 'must have at_most or at_least')
      queries.push({ name, query, atMost, atLeast })
      return
    }
    const known = BUILT_IN_GUARDS.find((each) => each === guard)
    if (known !== undefined) {
      guards.push(known)
      return
    }
    const near = suggestName(guard, BUILT_IN_GUARDS)
    say(path, `must be one of ${BUILT_IN_GUARDS.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`)
  })
  return { guards, queries }
}

/** What a step moves, in words. */
export function movesInWords(moves: StepMoves): string {
  if (moves.kind === 'percentage') return `${moves.percentage} %`
  if (moves.kind === 'sample') return 'one of each cohort'
  const count = moves.applications.length
  return count === 1 ? `application ${moves.applications[0]}` : `${count} listed applications`
}

/** The evidence that a step requires, in words. */
export function evidenceInWords(required: RequiredEvidence): string {
  if ('outcomes' in required) return countInWords(required.outcomes, 'outcome')
  return `at most ${Math.round(required.bound * 1_000) / 10} of 100 flows fail, at 95 %`
}

/** A number with its noun, such as `1 outcome` or `2 outcomes`. */
export function countInWords(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
