import {
  channelRefusal,
  consistencyRefusal,
  isRolloutIncrease,
  type Override,
  stepLimitRefusal,
} from '../../../chatops/index.ts'
import type { Environment, FlagState } from '../../../flags/index.ts'
import { reasonFaults } from '../../audit/change-context.ts'
import { judgeConfirmation } from '../../flags/confirmation.ts'
import { flagHistory } from '../../flags/flag-writes.ts'
import { faultsInWords } from '../../requests/problems.ts'
import { defaultState } from '../../state/state-cache.ts'
import { currentObstacles, waitForFreeWay } from '../checks/production-check.ts'
import type { Run } from '../context/principal.ts'
import type { ChangeCommand, ChangeTools, Plan } from './change-plan.ts'

/** Why this person may not change an environment from their channel; undefined if they may. */
export function refusalOfPrincipal(
  { rules }: ChangeTools,
  environment: Environment,
  { principal }: Run,
): string | undefined {
  if (!principal.mayChange.includes(environment)) return `${principal.name} may not change ${environment}`
  return channelRefusal(environment, principal.slackChannel, rules)
}

/** What is wrong with the reason of a change, or missing where the settings require one; undefined if it is valid. */
export function refusalOfReason(
  { reasonsRequired }: ChangeTools['dependencies'],
  environment: Environment,
  { reason, changeIssue }: ChangeCommand,
  isIncrease: boolean,
): string | undefined {
  const faults = reasonFaults({ reason, change_issue_url: changeIssue })
  if (faults.length > 0) return faultsInWords(faults)
  if (!isIncrease || !reasonsRequired.includes(environment)) return undefined
  const missing = [
    ...(reason === undefined ? ['--reason=<text>'] : []),
    ...(changeIssue === undefined ? ['--change-issue=<url>'] : []),
  ]
  return missing.length === 0 ? undefined : `a change of ${environment} needs ${missing.join(' and ')}`
}

/** Says that a change moves applications without a confirmation, or not the confirmed number. */
export function refusalOfImpact({ command, environment, impact }: Plan): string | undefined {
  const action = command.kind === 'feature_set' ? 'set' : 'delete'
  const refusal = judgeConfirmation(action, environment, impact, command.confirm)
  return refusal && `this ${refusal.why}; to make it, add --confirm=${refusal.count}, or --confirm for any number`
}

/** A rule that blocks a change, and why. */
export interface Stand {
  readonly rule: Override
  readonly why: string
}

/** How to override a rule. */
export const SWITCH: Readonly<Record<Override, string>> = {
  production_check: '--ignore-production-check, after you have asked the person on call',
  consistency_check: '--ignore-feature-flag-consistency-check',
  step_limit: '--ignore-step-limit',
}

/** The check applies to what moves applications towards IAM on production; a rollback never waits. */
export function isChecked(environment: Environment, isIncrease: boolean): boolean {
  return environment === 'production' && isIncrease
}

/** The current result of the production check. */
export function obstaclesNow({ dependencies, rules, alarms }: ChangeTools, environment: Environment) {
  return currentObstacles(dependencies, rules, environment, alarms)
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
  { dependencies, rules }: ChangeTools,
  plan: Plan,
  assumed: ReadonlyMap<Environment, FlagState> | undefined,
): Promise<Stand[]> {
  const { environment, before, after, command } = plan
  const { cache } = dependencies.feed
  const stateIn = (name: Environment) => assumed?.get(name) ?? cache.flagState(name, command.flag)
  const isIncrease = isRolloutIncrease(before, after)
  const facts = { environment, before, after, staging: stateIn('staging'), production: stateIn('production') }
  const inconsistent = consistencyRefusal(facts, isIncrease)
  const stands: Stand[] = inconsistent === undefined ? [] : [{ rule: 'consistency_check', why: inconsistent }]
  if (environment !== 'production' || !isIncrease) return stands
  const lastIncreaseAt = await lastIncrease(dependencies, command.flag)
  const tooLarge = stepLimitRefusal({ before, after, lastIncreaseAt, now: Date.now() }, rules)
  return tooLarge === undefined ? stands : [...stands, { rule: 'step_limit', why: tooLarge }]
}

/** When the rollout on production last increased, as far as the last changes show. */
export async function lastIncrease(
  { store, definitions }: Pick<ChangeTools['dependencies'], 'store' | 'definitions'>,
  flag: string,
): Promise<number | undefined> {
  const otherwise = defaultState(definitions, 'production', flag)
  const history = await flagHistory(store, 'production', flag, 50)
  return history
    .find(({ before, after }) => isRolloutIncrease(before ?? otherwise, after ?? otherwise))
    ?.changed_at.getTime()
}
