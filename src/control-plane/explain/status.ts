import { setImmediate as turn } from 'node:timers/promises'
import { applicationInWords } from '../../applications/index.ts'
import type { Environment, FlagState } from '../../flags/index.ts'
import { actorInWords, firstOf } from '../flags/notes.ts'
import type { ApplicationReport } from '../gateways/application-reports.ts'
import type { GatewayRecord } from '../gateways/gateway-record.ts'
import { type Brake, hasArrived } from '../state/model.ts'
import type { StateCache } from '../state/state-cache.ts'
import { isFailing, type ListedApplication, sideOf } from './application-list.ts'

const CHUNK = 10_000
const MOST_NAMED = 3
/** A gateway that is further behind the newest version than this needs attention. */
const MAX_LAG_MS = 10_000
/** How long the loss of committed changes is reported. */
const LOSS_MS = 24 * 3_600_000

/** The number of applications by where their new flows begin, and by problem. */
export interface ApplicationCounts {
  readonly all: number
  readonly on_iam: number
  readonly on_rails: number
  /** The flag is on for them, but IAM does not hold their current version. */
  readonly waiting: number
  readonly not_arrived: number
  readonly failing: number
}

/** Counts an environment's applications, except the twins of probes; other requests run in between. */
export async function countApplications(
  cache: StateCache,
  environment: Environment,
  reports: ReadonlyMap<number, ApplicationReport>,
  twins: ReadonlySet<number>,
): Promise<ApplicationCounts> {
  let [all, onIam, waiting, notArrived] = [0, 0, 0, 0]
  for (let last = 0; ; ) {
    const ids = cache.idsAfter(last, CHUNK)
    for (const id of ids) {
      const application = cache.application(id)
      if (application === undefined || twins.has(id)) continue
      all++
      if (!hasArrived(application)) notArrived++
      if (sideOf(cache, environment, application) === 'iam') onIam++
      else if (cache.isFlagOn(environment, id)) waiting++
    }
    if (ids.length < CHUNK) break
    last = ids.at(-1) ?? last
    await turn()
  }
  const failing = [...reports].filter(
    ([id, report]) => !twins.has(id) && isFailing(cache, environment, id, report),
  ).length
  return { all, on_iam: onIam, on_rails: all - onIam, waiting, not_arrived: notArrived, failing }
}

/** Whether gateways reach IAM, according to their reports. */
export interface IamReachability {
  readonly state: 'reachable' | 'partly' | 'unreachable' | 'unknown'
  readonly in_words: string
}

/** Reads the reports of an environment's connected gateways. */
export function iamReachability(connected: readonly GatewayRecord[]): IamReachability {
  if (connected.length === 0) return { state: 'unknown', in_words: 'unknown: no gateway is connected' }
  const reaching = connected.filter(({ isCircuitOpen }) => isCircuitOpen !== true)
  const state = reaching.length === connected.length ? 'reachable' : reaching.length === 0 ? 'unreachable' : 'partly'
  const sum = (read: (record: GatewayRecord) => number | undefined) =>
    connected.reduce((total, record) => total + (read(record) ?? 0), 0)
  const [requests, failures] = [sum(({ iam }) => iam?.requests), sum(({ iam }) => iam?.failures)]
  const from = `${reaching.length} of ${connected.length} ${connected.length === 1 ? 'gateway' : 'gateways'}`
  const traffic = `${failures} of ${requests} requests failed within the last half minute`
  return { state, in_words: `reachable from ${from}; ${traffic}` }
}

/** A flag's gates on one line; long lists of applications are counted instead of named. */
export function gatesInFewWords(cache: StateCache, state: FlagState): string {
  const list = (actors: readonly string[]) =>
    actors.length > MOST_NAMED
      ? `${actors.length} applications`
      : actors.map((actor) => actorInWords(cache, actor)).join(', ')
  const { boolean, actors, percentage_of_actors, percentage_of_time, feature_groups, opted_out } = state
  const gates = [
    ...(boolean ? ['on for all'] : []),
    ...(actors.length > 0 ? [`on for ${list(actors)}`] : []),
    ...(percentage_of_actors > 0 ? [`${percentage_of_actors} % of applications`] : []),
    ...(percentage_of_time > 0 ? [`${percentage_of_time} % of the time`] : []),
    ...(feature_groups.length > 0 ? [`feature groups ${firstOf(feature_groups)}`] : []),
  ]
  const out = opted_out.length > 0 ? [`opted out: ${list(opted_out)}`] : []
  return [...(gates.length > 0 ? gates : ['off for all']), ...out].join('; ')
}

/** The input for the assessment of a status. */
export interface StatusFacts {
  readonly environment: Environment
  readonly brake: Brake
  readonly applications: ApplicationCounts
  /** The first of the failing applications, and of those that wait for IAM. */
  readonly failing: readonly ListedApplication[]
  readonly waiting: readonly ListedApplication[]
  /** The gateways of the environment, connected or not. */
  readonly gateways: readonly GatewayRecord[]
  /** Side effects that are waiting or were given up; undefined while the database does not answer. */
  readonly sideEffects: Readonly<Record<'waiting' | 'dead', number>> | undefined
  readonly historyLostAt: number | undefined
  readonly now: number
}

/** How urgent something is: users are affected now, someone is waited for, or it is good to know. */
export type Severity = 'broken' | 'waiting' | 'notice'

/** Something that needs a person's attention. */
export interface Attention {
  readonly kind: 'database' | 'brake' | 'gateways' | 'application' | 'side_effects' | 'rollout' | 'problem'
  readonly severity: Severity
  readonly sentence: string
  /** The page of the console that shows it, such as `applications/88`. */
  readonly path: string
}

/** What needs a person's attention, the most urgent first; empty if all is well. */
export function attentionNeeded(facts: StatusFacts): Attention[] {
  const { brake, sideEffects, historyLostAt, now } = facts
  const reason = brake.reason === '' ? '' : `: ${brake.reason}`
  const database = (sentence: string): Attention => ({
    kind: 'database',
    severity: 'broken',
    sentence,
    path: 'activity',
  })
  const effects = `${sideEffects?.dead} side effects of changes were given up; see 'handover side-effects list --state dead'`
  return [
    ...(sideEffects === undefined ? [database('the database of the control plane does not answer')] : []),
    ...(brake.on
      ? [{ kind: 'brake', severity: 'broken', sentence: `the brake is on${reason}`, path: 'activity' } as const]
      : []),
    ...gatewayProblems(facts),
    ...applicationProblems(facts),
    ...((sideEffects?.dead ?? 0) > 0
      ? [{ kind: 'side_effects', severity: 'waiting', sentence: effects, path: 'settings' } as const]
      : []),
    ...(historyLostAt !== undefined && now - historyLostAt < LOSS_MS
      ? [database(`the database lost changes that it had committed, found at ${new Date(historyLostAt).toISOString()}`)]
      : []),
  ]
}

function gatewayProblems({ gateways, environment }: StatusFacts): Attention[] {
  const connected = gateways.filter(({ isConnected }) => isConnected)
  // A restarted gateway is another process with the same name.
  const present = new Set(connected.map(nameOf))
  const gone = gateways.filter((each) => !each.isConnected && !present.has(nameOf(each)))
  const open = connected.filter(({ isCircuitOpen }) => isCircuitOpen === true)
  const braked = connected.filter(({ isBrakeOn }) => isBrakeOn === true)
  const late = connected.filter(({ behindMs }) => (behindMs ?? 0) > MAX_LAG_MS)
  const at = (some: readonly GatewayRecord[]) =>
    `${some.length} of ${connected.length} connected gateways (${namesOf(some)})`
  const of = (severity: Severity, sentence: string): Attention => {
    return { kind: 'gateways', severity, sentence, path: 'gateways' }
  }
  return [
    ...(connected.length === 0 ? [of('broken', `no gateway of ${environment} is connected`)] : []),
    ...(open.length > 0
      ? [of('broken', `IAM's circuit is open at ${at(open)}: new flows go to the monolith there`)]
      : []),
    ...(braked.length > 0 ? [of('broken', `the local brake is on at ${at(braked)}`)] : []),
    ...(late.length > 0 ? [of('broken', `the snapshot is more than ${MAX_LAG_MS / 1_000} s old at ${at(late)}`)] : []),
    ...(gone.length > 0 ? [of('notice', `gateways that disconnected in the last minutes: ${namesOf(gone)}`)] : []),
  ]
}

function applicationProblems({ applications, failing, waiting }: StatusFacts): Attention[] {
  const named = failing.slice(0, MOST_NAMED).map((application): Attention => {
    const sentence = failureInWords(application)
    return { kind: 'application', severity: 'broken', sentence, path: `applications/${application.id}` }
  })
  const more = applications.failing - named.length
  const of = (severity: Severity, sentence: string): Attention => {
    return { kind: 'application', severity, sentence, path: 'applications' }
  }
  return [
    ...named,
    ...(more > 0 ? [of('broken', `${more} more applications fail at IAM`)] : []),
    ...(applications.waiting > 0 ? [of('waiting', waitingInWords(applications.waiting, waiting))] : []),
  ]
}

function waitingInWords(count: number, waiting: readonly ListedApplication[]): string {
  const stay = count === 1 ? 'application stays' : 'applications stay'
  const named = waiting.slice(0, MOST_NAMED).map(applicationInWords).join(', ')
  const dots = count > MOST_NAMED ? ' …' : ''
  return `${count} ${stay} on the monolith although the flag is on, until IAM holds the current version: ${named}${dots}`
}

function failureInWords(application: ListedApplication): string {
  const { report } = application
  const who = `application ${applicationInWords(application)}`
  if (report === undefined) return `${who} fails at IAM`
  const { successes, failures, error, circuitOpenAt } = report
  const last = error === undefined ? '' : `, the last with ${error}`
  return [
    ...(report.isFailing ? [`${who} fails at IAM: ${failures} of ${successes + failures} requests${last}`] : []),
    ...(circuitOpenAt.length > 0 ? [`${report.isFailing ? 'its' : `${who}: its`} own circuit is open`] : []),
  ].join('; ')
}

function nameOf({ name, instance }: GatewayRecord): string {
  return name ?? instance
}

function namesOf(gateways: readonly GatewayRecord[]): string {
  return firstOf([...new Set(gateways.map(nameOf))])
}
