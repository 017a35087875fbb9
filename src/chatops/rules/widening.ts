import { conditionOf, type FlagState } from '../../flags/index.ts'

/**
 * Whether a change can move anybody towards IAM who was not there: more actors, a greater share, fewer opted out. The
 * way back is never held up by a rule, for it is what one does when something breaks.
 */
export function isWidening(before: FlagState, after: FlagState): boolean {
  const hasNew = (was: readonly string[], is: readonly string[]) => is.some((name) => !was.includes(name))
  // Where nobody is on, nobody who is let in again goes anywhere.
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

/** The share of applications that a state takes in by itself, in per cent; those named one by one left out. */
export function shareOf(state: FlagState): number {
  return state.boolean ? 100 : state.percentage_of_actors
}
