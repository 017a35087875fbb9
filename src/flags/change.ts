import { type FlagState, OFF, ON } from './gates.ts'

/** What an actor-wise change is for: an actor, or a feature group. */
export type FlagTarget =
  | { readonly kind: 'actor'; readonly id: string }
  | { readonly kind: 'feature_group'; readonly name: string }

/** One change of a flag, after GitLab's feature API (values 100 and 0 arrive here as true and false). */
export type FlagChange =
  | { readonly set: boolean }
  | { readonly set: boolean; readonly target: FlagTarget }
  | { readonly percentage: number; readonly of: 'actors' | 'time' }
  | { readonly optOut: string }
  | { readonly removeOptOut: string }

/** The rules that depend on what the flag is for. */
export interface ChangeRules {
  /** The flag routes requests, so that one actor must always get the same answer. */
  readonly routes: boolean
}

/** The state after a change, or why it is refused, in words for the person who asked. */
export type ChangeResult = { readonly state: FlagState } | { readonly refused: string }

/**
 * Applies a change with the semantics of GitLab's service over Flipper. `true` clears the other gates but keeps
 * opt-outs: an application taken out because it broke must not be moved by the step to 100 %. `false` clears all.
 */
export function applyChange(flag: string, state: FlagState, change: FlagChange, rules: ChangeRules): ChangeResult {
  if ('percentage' in change) return setPercentage(flag, state, change, rules)
  if ('optOut' in change) {
    return { state: { ...state, opted_out: withOne(state.opted_out, change.optOut) } }
  }
  if ('removeOptOut' in change) {
    if (!state.opted_out.includes(change.removeOptOut)) {
      return { refused: `No opt-out exists for ${change.removeOptOut}` }
    }
    return { state: { ...state, opted_out: without(state.opted_out, change.removeOptOut) } }
  }
  if (!('target' in change)) {
    return { state: change.set ? { ...ON, opted_out: state.opted_out } : OFF }
  }
  return setTarget(state, change.set, change.target)
}

function setTarget(state: FlagState, on: boolean, target: FlagTarget): ChangeResult {
  if (target.kind === 'feature_group') {
    const edit = on ? withOne : without
    return { state: { ...state, feature_groups: edit(state.feature_groups, target.name) } }
  }
  if (!on) return { state: { ...state, actors: without(state.actors, target.id) } }
  if (state.opted_out.includes(target.id)) {
    return { refused: `Opt-out exists for ${target.id} - remove opt-out before enabling` }
  }
  return { state: { ...state, actors: withOne(state.actors, target.id) } }
}

function setPercentage(
  flag: string,
  state: FlagState,
  change: { readonly percentage: number; readonly of: 'actors' | 'time' },
  rules: ChangeRules,
): ChangeResult {
  if (change.of === 'time' && rules.routes) {
    return {
      refused: `percentage of time is not for '${flag}': it would send the requests of one flow to either side at random; use a percentage of actors`,
    }
  }
  if (state.boolean) return { refused: `Cannot enable percentage of ${change.of} for a fully-enabled flag` }
  return {
    state:
      change.of === 'actors'
        ? { ...state, percentage_of_actors: change.percentage }
        : { ...state, percentage_of_time: change.percentage },
  }
}

function withOne(list: readonly string[], item: string): readonly string[] {
  return list.includes(item) ? list : [...list, item].sort()
}

function without(list: readonly string[], item: string): readonly string[] {
  return list.filter((each) => each !== item)
}
