import type { FlagState } from '../../flags/index.ts'
import { shareOf } from './rollout-increase.ts'
import type { RuleSettings } from './settings.ts'

/** A change that moves production further towards IAM. */
export interface StepFacts {
  readonly before: FlagState
  readonly after: FlagState
  /** When production was last moved further towards IAM; undefined for never. */
  readonly lastIncreaseAt: number | undefined
  readonly now: number
}

/** Limits the size of steps on production and the time between them; undefined if the step is allowed. */
export function stepLimitRefusal(
  facts: StepFacts,
  { maxStepPoints, minStepMs }: Pick<RuleSettings, 'maxStepPoints' | 'minStepMs'>,
): string | undefined {
  const from = shareOf(facts.before)
  const to = shareOf(facts.after)
  if (maxStepPoints !== undefined && to - from > maxStepPoints) {
    return `from ${from} % to ${to} % is more than ${maxStepPoints} points in one step`
  }
  if (minStepMs === undefined || facts.lastIncreaseAt === undefined || to <= from) return undefined
  const passed = facts.now - facts.lastIncreaseAt
  if (passed >= minStepMs) return undefined
  const minutes = Math.ceil((minStepMs - passed) / 60_000)
  return `the last step was ${Math.floor(passed / 60_000)} min ago, but steps must be ${minStepMs / 60_000} min apart; wait ${minutes} min`
}
