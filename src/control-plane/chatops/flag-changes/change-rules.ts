import { channelRefusal, consistencyRefusal, isWidening, jumpRefusal, type Override } from '../../../chatops/index.ts'
import type { Environment, FlagState } from '../../../flags/index.ts'
import { causeFaults } from '../../audit/cause.ts'
import { judgeConfirmation } from '../../flags/confirmation.ts'
import { flagHistory } from '../../flags/flag-writes.ts'
import { faultsInWords } from '../../requests/problems.ts'
import { defaultState } from '../../state/view.ts'
import { currentObstacles, waitForFreeWay } from '../checks/production-check.ts'
import type { Run } from '../context/person.ts'
import type { ChangeCommand, ChangeTools, Plan } from './change-plan.ts'

/** Says why this person may not change an environment from where they speak; undefined when they may. */
export function refusalOfPerson({ rules }: ChangeTools, environment: Environment, { person }: Run): string | undefined {
  if (!person.mayChange.includes(environment)) return `${person.name} may not change ${environment}`
  return channelRefusal(environment, person.channel, rules)
}

/** Says what is wrong with the why of a change, or missing where the settings ask for it; undefined when it will do. */
export function refusalOfReason(
  { reasonsRequired }: ChangeTools['plane'],
  environment: Environment,
  { reason, changeIssue }: ChangeCommand,
  widens: boolean,
): string | undefined {
  const faults = causeFaults({ reason, change_issue_url: changeIssue })
  if (faults.length > 0) return faultsInWords(faults)
  if (!widens || !reasonsRequired.includes(environment)) return undefined
  const missing = [
    ...(reason === undefined ? ['--reason=<text>'] : []),
    ...(changeIssue === undefined ? ['--change-issue=<url>'] : []),
  ]
  return missing.length === 0 ? undefined : `a change of ${environment} needs ${missing.join(' and ')}`
}

/** Says that a change moves applications without a confirmation, or another number than was confirmed. */
export function refusalOfMoves({ command, environment, moves }: Plan): string | undefined {
  const action = command.kind === 'feature_set' ? 'set' : 'delete'
  const refusal = judgeConfirmation(action, environment, moves, command.confirm)
  return refusal && `this ${refusal.why}; to make it, add --confirm=${refusal.count}, or --confirm for any number`
}

/** A rule that stands against a change, and why. */
export interface Stand {
  readonly rule: Override
  readonly why: string
}

/** How a rule is passed over. */
export const SWITCH: Readonly<Record<Override, string>> = {
  production_check: '--ignore-production-check, after a word with whoever is on call',
  consistency_check: '--ignore-feature-flag-consistency-check',
  jump_limit: '--ignore-jump-limit',
}

/** The check is for what moves anybody towards IAM on production; the way back waits for nothing. */
export function isChecked(environment: Environment, widens: boolean): boolean {
  return environment === 'production' && widens
}

/** What the production check would say at this moment. */
export function obstaclesNow({ plane, rules, alarms }: ChangeTools, environment: Environment) {
  return currentObstacles(plane, rules, environment, alarms)
}

/** The production check, with its patience. */
export async function productionStands(tools: ChangeTools, plan: Plan, run: Run): Promise<Stand[]> {
  const look = () => obstaclesNow(tools, plan.environment)
  const isIgnored = plan.command.overrides.includes('production_check')
  const whats = isIgnored ? (await look()).map(({ what }) => what) : await waitForFreeWay(look, tools.rules, run)
  return whats.length === 0 ? [] : [{ rule: 'production_check', why: `production is not safe: ${whats.join('; ')}` }]
}

/** The rules that need no waiting; `assumed` are states that a dry run takes to be so. */
export async function quickRefusals(
  { plane, rules }: ChangeTools,
  plan: Plan,
  assumed: ReadonlyMap<Environment, FlagState> | undefined,
): Promise<Stand[]> {
  const { environment, before, after, command } = plan
  const { view } = plane.feed
  const stateIn = (name: Environment) => assumed?.get(name) ?? view.flagState(name, command.flag)
  const widens = isWidening(before, after)
  const facts = { environment, before, after, staging: stateIn('staging'), production: stateIn('production') }
  const inconsistent = consistencyRefusal(facts, widens)
  const stands: Stand[] = inconsistent === undefined ? [] : [{ rule: 'consistency_check', why: inconsistent }]
  if (environment !== 'production' || !widens) return stands
  const lastWidenedAt = await lastWidening(plane, command.flag)
  const jump = jumpRefusal({ before, after, lastWidenedAt, now: Date.now() }, rules)
  return jump === undefined ? stands : [...stands, { rule: 'jump_limit', why: jump }]
}

/** When production was last widened, as far back as the last changes tell. */
async function lastWidening({ store, definitions }: ChangeTools['plane'], flag: string): Promise<number | undefined> {
  const otherwise = defaultState(definitions, 'production', flag)
  const history = await flagHistory(store, 'production', flag, 50)
  return history.find(({ before, after }) => isWidening(before ?? otherwise, after ?? otherwise))?.changed_at.getTime()
}
