import { conditionOf, type FlagState } from '../../flags/index.ts'

/**
 * Whether a change can move further applications to IAM: more actors, a larger percentage, fewer opt-outs. No rule ever
 * blocks a rollback, because that is what operators do when something breaks.
 */
export function isRolloutIncrease(before: FlagState, after: FlagState): boolean {
  const hasNew = (was: readonly string[], is: readonly string[]) => is.some((name) => !was.includes(name))
  // If the flag is on for no application, removing an opt-out moves nothing.
  if (conditionOf({ ...after, opted_out: [] }) === 'off') return false
  if (hasNew(after.opted_out, before.opted_out)) return true
  if (before.boolean) return false
  return (
    after.boolean ||
    after.percentage_of_actors > before.percentage_of_actors ||
    after.percentage_of_time > before.percentage_of_time ||
    hasNew(before.actors, after.actors) ||
    hasNew(before.feature_groups, after.feature_groups)
  )
}

/** The percentage of applications that a state turns on, without those listed individually. */
export function shareOf(state: FlagState): number {
  return state.boolean ? 100 : state.percentage_of_actors
}
