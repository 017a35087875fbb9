import { actorOf as actorOfApplication } from '../applications/index.ts'
import { compileFlag, type FlagChange, type FlagState } from '../flags/index.ts'
import type { PlanStep, StepMoves } from './plan/plan.ts'
import type { Traffic } from './traffic.ts'

/** An application as steps see it. */
export interface Candidate {
  readonly id: number
  readonly clientId: string
  /** The name of its cohort. */
  readonly cohort: string
}

/** What the members of a step depend on. */
export interface StepContext {
  readonly flag: string
  /** The flag as it is before the step, with feature groups expanded to actors. */
  readonly gates: Pick<FlagState, 'boolean' | 'actors' | 'percentage_of_actors' | 'opted_out'>
  readonly candidates: readonly Candidate[]
  readonly traffic: Traffic
}

/** What a step would move now. */
export interface StepMembers {
  /** The applications that are not moved yet and would be, in ascending order. */
  readonly applications: readonly number[]
  /** Listed applications that do not exist, or no longer do. */
  readonly missing: ReadonlyArray<number | string>
  readonly changes: readonly FlagChange[]
}

const actorOf = (id: number) => actorOfApplication({ id })

/** What a step moves, given the flag and the applications as they are now. */
export function membersOf(step: Pick<PlanStep, 'moves'>, context: StepContext): StepMembers {
  const { moves } = step
  const isOn = compileFlag(context.flag, context.gates)
  if (moves.kind === 'percentage') return ofPercentage(moves.percentage, context, isOn)
  const { chosen, missing } = moves.kind === 'sample' ? sampleOf(context, isOn) : listed(moves, context)
  const isOptedOut = new Set(context.gates.opted_out)
  const applications = chosen.filter((id) => !isOn(id) && !isOptedOut.has(actorOf(id))).sort((a, b) => a - b)
  const changes = applications.map((id): FlagChange => ({ set: true, target: { kind: 'actor', id: actorOf(id) } }))
  return { applications, missing, changes }
}

function ofPercentage(percentage: number, context: StepContext, isOn: (id: number) => boolean): StepMembers {
  const isWhole = percentage >= 100
  // A step moves applications; a smaller share than the present one would take some back.
  const isMore = percentage > context.gates.percentage_of_actors
  const after = { ...context.gates, ...(isWhole ? { boolean: true } : { percentage_of_actors: percentage }) }
  const willBeOn = compileFlag(context.flag, after)
  const ids = context.candidates.map(({ id }) => id)
  return {
    applications: ids.filter((id) => !isOn(id) && willBeOn(id)).sort((a, b) => a - b),
    missing: [],
    changes: isWhole ? [{ set: true }] : isMore ? [{ percentage, of: 'actors' }] : [],
  }
}

function listed(moves: Extract<StepMoves, { kind: 'applications' }>, { candidates }: StepContext) {
  const byId = new Map(candidates.map((each) => [each.id, each]))
  const byClientId = new Map(candidates.map((each) => [each.clientId, each]))
  const chosen: number[] = []
  const missing: Array<number | string> = []
  for (const name of moves.applications) {
    const found = typeof name === 'number' ? byId.get(name) : byClientId.get(name)
    if (found === undefined) missing.push(name)
    else chosen.push(found.id)
  }
  return { chosen: [...new Set(chosen)], missing }
}

/** For each cohort with no moved member, its member with the least traffic; of equals, the oldest. */
function sampleOf({ candidates, traffic, gates }: StepContext, isOn: (id: number) => boolean) {
  const flows = (id: number) => traffic.flowsPerDay.get(id) ?? 0
  const isOptedOut = new Set(gates.opted_out)
  const smallest = new Map<string, number>()
  const isMoved = new Set(candidates.filter(({ id }) => isOn(id)).map(({ cohort }) => cohort))
  for (const { id, cohort } of candidates) {
    if (isMoved.has(cohort) || isOptedOut.has(actorOf(id))) continue
    const held = smallest.get(cohort)
    const isSmaller = held === undefined || flows(id) < flows(held) || (flows(id) === flows(held) && id < held)
    if (isSmaller) smallest.set(cohort, id)
  }
  return { chosen: [...smallest.values()], missing: [] }
}

/** The change that takes applications out of a rollout, whatever gates cover them. */
export function exclusionChanges(applications: readonly number[]): FlagChange[] {
  return applications.map((id) => ({ optOut: actorOf(id) }))
}

/** The change that lets an excluded application back in. */
export function retryChanges(application: number): FlagChange[] {
  return [{ removeOptOut: actorOf(application) }]
}

/** The gates of an earlier step, without the applications that were excluded since. */
export function gatesToRestore(
  gates: FlagState | null,
  excluded: ReadonlyArray<{ readonly application_id: number }>,
  off: FlagState,
): FlagState | null {
  if (excluded.length === 0) return gates
  const base = gates ?? off
  const out = excluded.map(({ application_id }) => actorOf(application_id))
  return { ...base, opted_out: [...new Set([...base.opted_out, ...out])].sort() }
}

/** The gates of an earlier step with an application that was excluded then and is tried again. */
export function gatesWith(gates: FlagState | null, application: number): FlagState | null {
  if (gates === null) return null
  return { ...gates, opted_out: gates.opted_out.filter((actor) => actor !== actorOf(application)) }
}
