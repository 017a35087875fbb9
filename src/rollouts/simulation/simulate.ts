import { actorOf } from '../../applications/index.ts'
import { PASSING_EVIDENCE, passingEvidence } from '../../guards/index.ts'
import { aboutInWords } from '../plan/duration.ts'
import type { Plan, PlanStep, RequiredEvidence } from '../plan/plan.ts'
import { countInWords, movesInWords } from '../plan/plan-rules.ts'
import { membersOf, type StepContext } from '../steps.ts'
import { flowsAtRisk, namedOnly, shareOf, type Traffic } from '../traffic.ts'
import { flowsPerDay, loadOf, NEW_FLOWS, type ObservedTraffic } from './observed-traffic.ts'

/** What a simulation starts from. */
export interface SimulationInput {
  readonly plan: Plan
  /** The flag and the applications as they are now. */
  readonly gates: StepContext['gates']
  readonly candidates: StepContext['candidates']
  readonly observed: ObservedTraffic
}

/** One step of a simulation. Durations are in milliseconds; null means that the evidence will never suffice. */
export interface SimulatedStep {
  readonly number: number
  readonly moves: string
  readonly applications: readonly number[]
  readonly traffic_share: number | null
  readonly flows_at_risk: number
  /** The flows a second of all applications that are moved then: what IAM has to serve. */
  readonly load: { readonly average_per_second: number; readonly peak_per_second: number }
  /** After the start of the rollout; null when an earlier step never ends. */
  readonly begins_after_ms: number | null
  readonly evidence_after_ms: number | null
  readonly lasts_ms: number | null
  /** Why the step would not begin, or would not end; empty when nothing is in its way. */
  readonly stalls: readonly string[]
  /** What it waits for by design: people and dates. */
  readonly waits_for: readonly string[]
}

/** What a plan would do. */
export interface Simulation {
  readonly steps: readonly SimulatedStep[]
  /** From the start to the end of the soak; null when a step stalls. */
  readonly lasts_ms: number | null
  readonly soak_ms: number
}

const DAY_MS = 86_400_000
const MOST_NAMED = 3

/**
 * Says what a plan would do, provided that the applications behave as in the observed period and IAM answers like
 * legacy. Only flows that begin on IAM count as evidence: credentials stay with their issuer, so flows with credentials
 * of legacy never reach IAM. Waiting for people takes no time here.
 */
export function simulate({ plan, gates, candidates, observed }: SimulationInput): Simulation {
  const traffic: Traffic = { flowsPerDay: flowsPerDay(observed) }
  const fresh = flowsPerDay(observed, NEW_FLOWS)
  const moved = new Set<number>()
  const steps: SimulatedStep[] = []
  let present = gates
  let begins: number | null = 0
  for (const step of plan.steps) {
    const { applications, missing } = membersOf(step, { flag: plan.flag, gates: present, candidates, traffic })
    for (const id of applications) moved.add(id)
    const evidence = evidenceTime(step, applications, { fresh, observed })
    const lasts = evidence.ms === null ? null : Math.max(step.dwellMs, evidence.ms)
    const refusals = refusalsOf(plan, step, applications, traffic)
    steps.push({
      number: step.number,
      moves: movesInWords(step.moves),
      applications,
      traffic_share: shareOf(traffic, applications) ?? null,
      flows_at_risk: flowsAtRisk(traffic, applications),
      load: loadOf(observed, moved),
      begins_after_ms: begins,
      evidence_after_ms: evidence.ms,
      lasts_ms: lasts,
      stalls: [...missingInWords(missing), ...refusals, ...evidence.stalls],
      waits_for: waitsOf(plan, step),
    })
    begins = begins === null || lasts === null || refusals.length > 0 ? null : begins + lasts
    present = gatesAfter(present, step, applications)
  }
  return { steps, lasts_ms: begins === null ? null : begins + plan.soakMs, soak_ms: plan.soakMs }
}

/** How long it takes until a step has shown what it must, and why it never does, or takes days. */
function evidenceTime(
  step: PlanStep,
  applications: readonly number[],
  { fresh, observed }: { readonly fresh: ReadonlyMap<number, number>; readonly observed: ObservedTraffic },
) {
  if (applications.length === 0) return { ms: 0, stalls: [] }
  const needed = cleanOutcomesNeeded(step.evidence)
  const isWhole = step.moves.kind === 'percentage'
  // A percentage shows it all together; listed and sampled applications each.
  const rates = isWhole
    ? [{ whose: 'This step', perDay: applications.reduce((all, id) => all + (fresh.get(id) ?? 0), 0) }]
    : applications.map((id) => ({ whose: `Application ${id}`, perDay: fresh.get(id) ?? 0 }))
  const silent = rates.filter(({ perDay }) => perDay === 0)
  const slowest = rates.reduce((most, each) => (each.perDay < most.perDay ? each : most))
  if (silent.length === 0 || step.passOnProbes) {
    const least = Math.min(...rates.filter(({ perDay }) => perDay > 0).map(({ perDay }) => perDay))
    const ms = Number.isFinite(least) ? (needed / least) * DAY_MS : 0
    const isSlow = ms > Math.max(step.dwellMs, DAY_MS)
    return { ms, stalls: isSlow ? [`${slowest.whose} needs ${aboutInWords(ms)} to gather enough evidence`] : [] }
  }
  const isSilent = (id: number) => !observed.applications.has(id)
  const without = applications.filter((id) => !fresh.has(id))
  const stalls = isWhole
    ? [noFlowsInStep(without.every(isSilent))]
    : [noTraffic(without.filter(isSilent)), noNewFlows(without.filter((id) => !isSilent(id)))]
  return { ms: null, stalls: stalls.filter((sentence) => sentence !== undefined) }
}

const NO_EVIDENCE = 'so IAM gathers no evidence however long the step lasts; pass_on_probes lets probes count instead'

function noFlowsInStep(hasNoTraffic: boolean): string {
  if (hasNoTraffic) return `No application in this step has traffic, ${NO_EVIDENCE}`
  return `No application in this step starts a new flow, because all flows use credentials that rails issued, ${NO_EVIDENCE}`
}

function noTraffic(ids: readonly number[]): string | undefined {
  if (ids.length === 0) return undefined
  return `${namesOf(ids)} ${ids.length === 1 ? 'has' : 'have'} no traffic, ${NO_EVIDENCE}`
}

function noNewFlows(ids: readonly number[]): string | undefined {
  if (ids.length === 0) return undefined
  const verb = ids.length === 1 ? 'starts' : 'start'
  return `${namesOf(ids)} ${verb} no new flow, because all flows use credentials that rails issued, ${NO_EVIDENCE}`
}

/** How many outcomes without a failure show what a step requires. */
function cleanOutcomesNeeded(required: RequiredEvidence): number {
  if ('outcomes' in required) return required.outcomes
  let outcomes = 1
  while (passingEvidence({ outcomes, failures: 0 }, required.bound) < PASSING_EVIDENCE && outcomes < 1_000_000)
    outcomes++
  return outcomes
}

function refusalsOf(plan: Plan, step: PlanStep, applications: readonly number[], traffic: Traffic): string[] {
  const { budgetFlows } = plan
  const risk = flowsAtRisk(traffic, applications)
  const named = step.moves.kind === 'applications' ? [] : namedOnly(traffic, applications)
  return [
    ...(named.length === 0
      ? []
      : [
          `${namesOf(named)} ${named.length === 1 ? 'carries' : 'carry'} more than 10 % of the traffic and must be listed by id or client_id`,
        ]),
    ...(budgetFlows !== undefined && risk > budgetFlows
      ? [
          `Up to ${countInWords(risk, 'flow')} could fail before the guards act, which exceeds the budget of ${budgetFlows}`,
        ]
      : []),
  ]
}

function missingInWords(missing: ReadonlyArray<number | string>): string[] {
  return missing.length === 0
    ? []
    : [`No application has the id or client_id ${missing.slice(0, MOST_NAMED).join(', ')}`]
}

function waitsOf(plan: Plan, step: PlanStep): string[] {
  const from = Math.max(step.notBefore ?? 0, step.number === 1 ? (plan.notBefore ?? 0) : 0)
  return [
    ...(step.needsApproval ? ['the approval of a person'] : []),
    ...(plan.watch === 'acknowledge' ? ['a person who watches'] : []),
    ...(from > 0 ? [`${new Date(from).toISOString()}`] : []),
  ]
}

function namesOf(ids: readonly number[]): string {
  const more = ids.length > MOST_NAMED ? ` and ${ids.length - MOST_NAMED} more` : ''
  return `${ids.length === 1 ? 'Application' : 'Applications'} ${ids.slice(0, MOST_NAMED).join(', ')}${more}`
}

function gatesAfter(
  gates: StepContext['gates'],
  { moves }: PlanStep,
  applications: readonly number[],
): StepContext['gates'] {
  if (moves.kind === 'percentage') {
    if (moves.percentage >= 100) return { ...gates, boolean: true }
    return { ...gates, percentage_of_actors: Math.max(gates.percentage_of_actors, moves.percentage) }
  }
  return { ...gates, actors: [...gates.actors, ...applications.map((id) => actorOf({ id }))] }
}
