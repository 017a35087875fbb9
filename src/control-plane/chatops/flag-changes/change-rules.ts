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

/** Why this person may not change an environment from their channel; undefined if they may. */
export function refusalOfPerson({ rules }: ChangeTools, environment: Environment, { person }: Run): string | undefined {
  if (!person.mayChange.includes(environment)) return `${person.name} may not change ${environment}`
  return channelRefusal(environment, person.channel, rules)
}

/** What is wrong with the reason of a change, or missing where the settings require one; undefined if it is valid. */
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

/** Says that a change moves applications without a confirmation, or not the confirmed number. */
export function refusalOfMoves({ command, environment, moves }: Plan): string | undefined {
  const action = command.kind === 'feature_set' ? 'set' : 'delete'
  const refusal = judgeConfirmation(action, environment, moves, command.confirm)
  return refusal && `this ${refusal.why}; to make it, add --confirm=${refusal.count}, or --confirm for any number`
}

/** A rule that blocks a change, and why. */
export interface Stand {
  readonly rule: Override
  readonly why: string
}

/** How to override a rule. */
export const SWITCH: Readonly<Record<Override, string>> = {
  production_check: '--ignore-production-check, after a word with whoever is on call',
  consistency_check: '--ignore-feature-flag-consistency-check',
  jump_limit: '--ignore-jump-limit',
}

/** The check applies to what moves applications towards IAM on production; a rollback never waits. */
export function isChecked(environment: Environment, widens: boolean): boolean {
  return environment === 'production' && widens
}

/** The current result of the production check. */
export function obstaclesNow({ plane, rules, alarms }: ChangeTools, environment: Environment) {
  return currentObstacles(plane, rules, environment, alarms)
}

/** The production check, which waits up to its time limit. */
export async function productionStands(tools: ChangeTools, plan: Plan, run: Run): Promise<Stand[]> {
  const look = () => obstaclesNow(tools, plan.environment)
  const isIgnored = plan.command.overrides.includes('production_check')
  const whats = isIgnored ? (await look()).map(({ what }) => what) : await waitForFreeWay(look, tools.rules, run)
  return whats.length === 0 ? [] : [{ rule: 'production_check', why: `production is not safe: ${whats.join('; ')}` }]
}

/** The rules that do not wait; `assumed` are states that a dry run takes as given. */
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

/** When the rollout on production last increased, as far as the last changes show. */
async function lastWidening({ store, definitions }: ChangeTools['plane'], flag: string): Promise<number | undefined> {
  const otherwise = defaultState(definitions, 'production', flag)
  const history = await flagHistory(store, 'production', flag, 50)
  return history.find(({ before, after }) => isWidening(before ?? otherwise, after ?? otherwise))?.changed_at.getTime()
}
