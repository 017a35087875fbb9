import { bucketOf, isWithin } from './bucket.ts'
import type { FlagState } from './gates.ts'

/** The subject of an evaluation (OpenFeature's evaluation context). */
export interface EvaluationContext {
  /** The actor's id; without it, only the gates `boolean` and `percentage_of_time` can turn the flag on. */
  readonly targetingKey: string | undefined
  /** Whether the actor belongs to a feature group. */
  readonly isMember?: (group: string) => boolean
  /** A number from 0 up to 1, drawn for this evaluation; read by percentage of time only. */
  readonly draw?: number
}

/** OpenFeature's reasons for a value, limited to those that apply here. */
export type EvaluationReason = 'STATIC' | 'TARGETING_MATCH' | 'SPLIT' | 'DEFAULT'

/** The result of an evaluation, and the gate that decided it. */
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

/** Evaluates a flag: off for an opt-out, otherwise on by the first matching gate in Flipper's order, otherwise off. */
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
