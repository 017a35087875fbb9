import { consistencyRefusal, isRolloutIncrease, type RuleSettings, stepLimitRefusal } from '../../../chatops/index.ts'
import type { NextStepFact, Rollout } from '../../../rollouts/index.ts'
import { type AlarmSource, currentObstacles } from '../../chatops/checks/production-check.ts'
import { lastIncrease } from '../../chatops/flag-changes/change-rules.ts'
import { stateAfter } from '../../flags/flag-writes.ts'
import type { GatewayRegistry } from '../../gateways/gateway-registry.ts'
import type { RolloutDependencies } from '../rollouts.ts'
import type { Obstacles } from './facts.ts'

/** What the rules of ChatOps depend on. */
export interface RuleSources {
  readonly dependencies: Pick<RolloutDependencies, 'store' | 'feed' | 'definitions'>
  readonly gateways: GatewayRegistry
  readonly rules: RuleSettings
  readonly alarms: AlarmSource
}

/**
 * The rules of ChatOps, for a step of a rollout: staging before production, the production check, the time between steps,
 * and the limit of a step, which counts traffic here. A rule that the person who started the rollout has overridden does
 * not apply.
 */
export function chatOpsRules({ dependencies, gateways, rules, alarms }: RuleSources) {
  return async (rollout: Rollout, next: NextStepFact | undefined): Promise<Obstacles> => {
    if (next === undefined) return { waits: [] }
    const { plan, overrides } = rollout
    const { environment, flag } = plan
    const { cache } = dependencies.feed
    const before = cache.flagState(environment, flag)
    const changed = stateAfter(dependencies.definitions, { environment, name: flag }, before, next.changes)
    const after = 'state' in changed ? changed.state : before
    const isIncrease = isRolloutIncrease(before, after)
    const applies = (rule: string) => !overrides.includes(rule)
    const why: string[] = []
    const [staging, production] = [cache.flagState('staging', flag), cache.flagState('production', flag)]
    const inconsistent = consistencyRefusal({ environment, before, after, staging, production }, isIncrease)
    if (inconsistent !== undefined && applies('consistency_check')) why.push(inconsistent)
    if (rules.twoPerson.includes(environment) && !rollout.approvals.some(({ by }) => by !== rollout.startedBy)) {
      why.push(`a second person must approve step ${rollout.step + 1}`)
    }
    if (environment !== 'production' || !isIncrease) return { waits: why }
    if (applies('step_limit')) why.push(...(await stepLimits(dependencies, rules, { before, after, next, flag })))
    if (applies('production_check')) {
      const obstacles = await currentObstacles({ gateways, feed: dependencies.feed }, rules, environment, alarms)
      why.push(...obstacles.map(({ what }) => `production is not safe: ${what}`))
    }
    return { waits: why }
  }
}

type State = Parameters<typeof isRolloutIncrease>[0]

async function stepLimits(
  dependencies: RuleSources['dependencies'],
  rules: RuleSettings,
  { before, after, next, flag }: { before: State; after: State; next: NextStepFact; flag: string },
): Promise<string[]> {
  const most = rules.maxStepPoints
  const share = (next.trafficShare ?? 0) * 100
  const lastIncreaseAt = await lastIncrease(dependencies, flag)
  const facts = { before, after, lastIncreaseAt, now: Date.now() }
  const early = stepLimitRefusal(facts, { maxStepPoints: undefined, minStepMs: rules.minStepMs })
  return [
    ...(most !== undefined && share > most
      ? [`the step moves ${Math.round(share)} % of the traffic, more than ${most} points in one step`]
      : []),
    ...(early === undefined ? [] : [early]),
  ]
}
