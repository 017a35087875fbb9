import type { FlagState } from '../../flags/index.ts'
import type { RuleSettings } from './settings.ts'
import { shareOf } from './widening.ts'

/** A change that moves production further towards IAM. */
export interface JumpFacts {
  readonly before: FlagState
  readonly after: FlagState
  /** When production was last moved further towards IAM; undefined for never. */
  readonly lastWidenedAt: number | undefined
  readonly now: number
}

/** Limits the size of steps on production and the time between them; undefined if the step is allowed. */
export function jumpRefusal(
  facts: JumpFacts,
  { maxJumpPoints, minStepMs }: Pick<RuleSettings, 'maxJumpPoints' | 'minStepMs'>,
): string | undefined {
  const from = shareOf(facts.before)
  const to = shareOf(facts.after)
  if (maxJumpPoints !== undefined && to - from > maxJumpPoints) {
    return `from ${from} % to ${to} % is more than ${maxJumpPoints} points in one step`
  }
  if (minStepMs === undefined || facts.lastWidenedAt === undefined || to <= from) return undefined
  const passed = facts.now - facts.lastWidenedAt
  if (passed >= minStepMs) return undefined
  const minutes = Math.ceil((minStepMs - passed) / 60_000)
  return `the last step was ${Math.floor(passed / 60_000)} min ago, but steps must be ${minStepMs / 60_000} min apart; wait ${minutes} min`
}
