import type { FlagState } from '../../flags/index.ts'
import type { RuleSettings } from './settings.ts'
import { shareOf } from './widening.ts'

/** A widening change of production. */
export interface JumpFacts {
  readonly before: FlagState
  readonly after: FlagState
  /** When production was last widened; undefined for never. */
  readonly lastWidenedAt: number | undefined
  readonly now: number
}

/** Holds steps on production to their size and to the time between them; undefined when the step is allowed. */
export function jumpRefusal(
  facts: JumpFacts,
  { maxJumpPoints, minStepMs }: Pick<RuleSettings, 'maxJumpPoints' | 'minStepMs'>,
): string | undefined {
  const from = shareOf(facts.before)
  const to = shareOf(facts.after)
  if (maxJumpPoints !== undefined && to - from > maxJumpPoints) {
    return `from ${from} % to ${to} % is more than ${maxJumpPoints} points at once`
  }
  if (minStepMs === undefined || facts.lastWidenedAt === undefined || to <= from) return undefined
  const passed = facts.now - facts.lastWidenedAt
  if (passed >= minStepMs) return undefined
  const minutes = Math.ceil((minStepMs - passed) / 60_000)
  return `the last step is ${Math.floor(passed / 60_000)} min ago, and ${minStepMs / 60_000} min belong between two; wait ${minutes} min`
}
