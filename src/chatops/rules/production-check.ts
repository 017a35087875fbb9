import type { CheckSettings, Freeze, RuleSettings, WeeklyFreeze } from './settings.ts'

/** What the check knows about one gateway; null where the gateway has not reported. */
export interface GatewayFacts {
  readonly name: string | null
  readonly isConnected: boolean
  readonly behindMs: number | null
  readonly isCircuitOpen: boolean | null
  readonly isBrakeOn: boolean | null
  /** Applications whose own circuit is open. */
  readonly openApplications: readonly number[] | null
  /** The recent results of requests of applications that have moved. */
  readonly applications: readonly ApplicationFacts[] | null
  readonly legacy: Traffic | null
  readonly iam: Traffic | null
}

/** One application's requests at IAM: successes, and OAuth errors that no user causes. */
export interface ApplicationFacts {
  readonly id: number
  readonly successes: number
  readonly failures: number
  readonly error?: string | undefined
  /** The display name of the application; by default its id. */
  readonly shown?: string | undefined
}

interface Traffic {
  readonly requests: number
  readonly failures: number
}

/** The input of the check. */
export interface ProductionFacts {
  readonly gateways: readonly GatewayFacts[]
  /** The brake of the control plane. */
  readonly brake: { readonly on: boolean; readonly reason: string }
  /** Descriptions of the firing alerts. */
  readonly alarms: readonly string[]
  readonly now: number
}

/** An obstacle to a change; one that `mayPass` is worth waiting for. */
export interface Obstacle {
  readonly what: string
  readonly mayPass: boolean
}

/** Fewer responses say nothing about the health of a side. */
const ENOUGH_ANSWERS = 20

/** Fewer failures of one application may come from manual tests. */
const ENOUGH_FAILURES = 5
/** An application counts as failing from this percentage of failed requests. */
const FAILING_PERCENT = 90
const MOST_NAMED = 3

/** The obstacles to moving applications towards IAM on production now; empty if there are none. */
export function productionObstacles(
  facts: ProductionFacts,
  settings: Pick<RuleSettings, 'productionCheck' | 'freezes' | 'weeklyFreezes'>,
): readonly Obstacle[] {
  const standing = [...freezesAt(facts.now, settings), ...brakeObstacles(facts)]
  const passing = [
    ...facts.alarms.map((alarm) => `alarm: ${alarm}`),
    ...gatewayObstacles(facts, settings.productionCheck),
    ...applicationObstacles(facts),
  ]
  return [...standing.map((what) => ({ what, mayPass: false })), ...passing.map((what) => ({ what, mayPass: true }))]
}

function freezesAt(
  now: number,
  { freezes, weeklyFreezes }: { readonly freezes: readonly Freeze[]; readonly weeklyFreezes: readonly WeeklyFreeze[] },
): string[] {
  const inForce = freezes.filter(({ from, until }) => now >= from && now < until)
  return [
    ...inForce.map(({ why, until }) => `freeze until ${new Date(until).toISOString()}: ${why}`),
    ...weeklyFreezes.filter((freeze) => isWithinWeek(now, freeze)).map(({ why }) => `weekly freeze: ${why}`),
  ]
}

function isWithinWeek(now: number, { days, from, until }: WeeklyFreeze): boolean {
  const at = new Date(now)
  const day = at.getUTCDay()
  const minute = at.getUTCHours() * 60 + at.getUTCMinutes()
  if (from < until) return days.includes(day) && minute >= from && minute < until
  return (days.includes(day) && minute >= from) || (days.includes((day + 6) % 7) && minute < until)
}

function brakeObstacles({ brake, gateways }: ProductionFacts): string[] {
  const own = gateways.filter(({ isConnected, isBrakeOn }) => isConnected && isBrakeOn === true)
  return [
    ...(brake.on ? [`the brake is on${brake.reason === '' ? '' : `: ${brake.reason}`}`] : []),
    ...(own.length > 0 ? [`the brake is on at the gateway itself: ${namesOf(own)}`] : []),
  ]
}

function gatewayObstacles({ gateways }: ProductionFacts, check: CheckSettings): string[] {
  const connected = gateways.filter(({ isConnected }) => isConnected)
  const late = connected.filter(({ behindMs }) => behindMs !== null && behindMs > check.maxLagMs)
  const open = connected.filter(({ isCircuitOpen }) => isCircuitOpen === true)
  const said: string[] = []
  if (connected.length < check.minGateways) {
    said.push(`${connected.length} gateways are connected; at least ${check.minGateways} required`)
  }
  if (late.length > 0)
    said.push(`${namesOf(late)} has not applied the newest flags for more than ${check.maxLagMs / 1_000} s`)
  if (open.length > 0) said.push(`IAM's circuit is open at ${namesOf(open)}`)
  for (const side of ['legacy', 'iam'] as const) {
    const requests = sum(connected.map((gateway) => gateway[side]?.requests ?? 0))
    const failures = sum(connected.map((gateway) => gateway[side]?.failures ?? 0))
    if (requests >= ENOUGH_ANSWERS && failures * 100 > requests * check.maxFailurePercent) {
      const name = side === 'iam' ? 'IAM' : 'the monolith'
      said.push(`${name} failed ${failures} of ${requests} requests within the last half minute`)
    }
  }
  return said
}

/** The applications for which almost nothing succeeds at IAM, across all gateways; the worst first. */
function applicationObstacles({ gateways }: ProductionFacts): string[] {
  const connected = gateways.filter(({ isConnected }) => isConnected)
  const open = [...new Set(connected.flatMap(({ openApplications }) => openApplications ?? []))]
  const failing = totalsOf(connected.flatMap(({ applications }) => applications ?? [])).filter(isFailing)
  const told = failing.map(({ id, shown = String(id), successes, failures, error }) => {
    const last = error === undefined ? '' : `, the last with ${error}`
    return `application ${shown} fails at IAM: ${failures} of ${successes + failures} requests${last}`
  })
  return [
    ...told.slice(0, MOST_NAMED),
    ...(told.length > MOST_NAMED ? [`${told.length - MOST_NAMED} more applications fail at IAM`] : []),
    ...(open.length > 0
      ? [`the circuit of ${open.length === 1 ? 'application' : 'applications'} ${shortly(open)} is open`]
      : []),
  ]
}

/** Whether almost all requests of an application fail at IAM, in more than a few attempts. */
export function isFailing({ successes, failures }: Pick<ApplicationFacts, 'successes' | 'failures'>): boolean {
  return failures >= ENOUGH_FAILURES && failures * 100 >= (successes + failures) * FAILING_PERCENT
}

/** The reports of several gateways, summed per application; those with the most failures first. */
export function totalsOf(parts: readonly ApplicationFacts[]): ApplicationFacts[] {
  const sums = new Map<number, ApplicationFacts>()
  for (const { id, shown, successes, failures, error } of parts) {
    const sum = sums.get(id) ?? { id, successes: 0, failures: 0 }
    sums.set(id, {
      ...{ id, shown },
      successes: sum.successes + successes,
      failures: sum.failures + failures,
      error: sum.error ?? error,
    })
  }
  return [...sums.values()].sort((a, b) => b.failures - a.failures)
}

function shortly(ids: readonly number[]): string {
  const more = ids.length > MOST_NAMED ? ` and ${ids.length - MOST_NAMED} more` : ''
  return `${ids.slice(0, MOST_NAMED).join(', ')}${more}`
}

function namesOf(gateways: readonly GatewayFacts[]): string {
  const names = [...new Set(gateways.map(({ name }) => name ?? 'a gateway without a name'))]
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
