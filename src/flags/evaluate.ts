import { bucketOf, isWithin } from './bucket.ts'
import type { FlagState } from './gates.ts'

/** For whom a flag is evaluated (OpenFeature's evaluation context). */
export interface EvaluationContext {
  /** The actor's id; undefined asks for nobody in particular, for whom only `boolean` and time can say yes. */
  readonly targetingKey: string | undefined
  /** Whether the actor belongs to a feature group. */
  readonly isMember?: (group: string) => boolean
  /** A number from 0 up to 1, drawn for this evaluation; read by percentage of time only. */
  readonly draw?: number
}

/** OpenFeature's words for why a value came out, as far as they apply here. */
export type EvaluationReason = 'STATIC' | 'TARGETING_MATCH' | 'SPLIT' | 'DEFAULT'

/** What came out of an evaluation, and the gate it rested on. */
export interface Evaluation {
  readonly value: boolean
  readonly reason: EvaluationReason
  readonly gate:
    | 'opt_out'
    | 'boolean'
    | 'actor'
    | 'percentage_of_actors'
    | 'percentage_of_time'
    | 'feature_group'
    | 'none'
}

/** Evaluates a flag: an opt-out says no, else the first gate that says yes, in Flipper's order, else no. */
export function evaluateFlag(flag: string, state: FlagState, context: EvaluationContext): Evaluation {
  const actor = context.targetingKey
  if (actor !== undefined && state.opted_out.includes(actor)) {
    return { value: false, reason: 'TARGETING_MATCH', gate: 'opt_out' }
  }
  if (state.boolean) return { value: true, reason: 'STATIC', gate: 'boolean' }
  if (actor !== undefined && state.actors.includes(actor)) {
    return { value: true, reason: 'TARGETING_MATCH', gate: 'actor' }
  }
  if (actor !== undefined && state.percentage_of_actors > 0) {
    if (isWithin(bucketOf(flag, actor), state.percentage_of_actors)) {
      return { value: true, reason: 'SPLIT', gate: 'percentage_of_actors' }
    }
  }
  if (context.draw !== undefined && context.draw * 100 < state.percentage_of_time) {
    return { value: true, reason: 'SPLIT', gate: 'percentage_of_time' }
  }
  const isMember = context.isMember
  if (isMember !== undefined && state.feature_groups.some((group) => isMember(group))) {
    return { value: true, reason: 'TARGETING_MATCH', gate: 'feature_group' }
  }
  return { value: false, reason: 'DEFAULT', gate: 'none' }
}
