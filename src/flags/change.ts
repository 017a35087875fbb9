import { type Evaluation, evaluateFlag } from './evaluate.ts'
import { type FlagState, OFF, ON } from './gates.ts'

/** The target of a change: an actor, or a feature group. */
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

/** What a change depends on in addition to the flag's state. */
export interface ChangeRules {
  /** Whether the flag routes requests, so that the result for an actor must be stable. */
  readonly routes: boolean
  /** The actors in a feature group. */
  readonly membersOf: (group: string) => ReadonlySet<string>
}

/** What a change of one actor or group did in addition to adding or removing its gate. */
export type OptOutChange =
  /** `gate` still covered the actor, so the actor was opted out. */
  | { readonly kind: 'opted_out'; readonly actor: string; readonly gate: Evaluation['gate'] }
  /** The opt-out that an earlier `false` had added was removed. */
  | { readonly kind: 'opt_out_removed'; readonly actor: string }
  /** A member of a group that was turned on stays off, because it was opted out explicitly. */
  | { readonly kind: 'stays_out'; readonly actor: string }

/** The state after a change, or the error message of a refusal. */
export type ChangeResult =
  | { readonly state: FlagState; readonly optOutChanges: readonly OptOutChange[] }
  | { readonly refused: string }

/**
 * Applies a change with the semantics of GitLab's service on top of Flipper, with one exception: after `false` for an
 * actor or a group, the flag is off for all of them. An actor that another gate still covers is opted out, and `true`
 * removes that opt-out. `true` for all clears the other gates but keeps opt-outs: the step to 100 % must not move an
 * application that was opted out because it broke. `false` for all clears everything.
 */
export function applyChange(flag: string, state: FlagState, change: FlagChange, rules: ChangeRules): ChangeResult {
  if ('percentage' in change) return setPercentage(flag, state, change, rules)
  if ('optOut' in change) {
    const opted = withoutMark(state, change.optOut)
    return plain({ ...opted, opted_out: withOne(state.opted_out, change.optOut) })
  }
  if ('removeOptOut' in change) {
    if (!state.opted_out.includes(change.removeOptOut)) {
      return { refused: `No opt-out exists for ${change.removeOptOut}` }
    }
    return plain(letIn(state, change.removeOptOut))
  }
  if (!('target' in change)) {
    const { opted_out, switched_off } = state
    return plain(change.set ? { ...ON, opted_out, ...(switched_off && { switched_off }) } : OFF)
  }
  return change.set ? takeIn(state, change.target, rules) : takeOut(flag, state, change.target, rules)
}

function takeIn(state: FlagState, target: FlagTarget, { membersOf }: ChangeRules): ChangeResult {
  const optOutChanges: OptOutChange[] = []
  let next = gateOf(state, target, withOne)
  for (const actor of target.kind === 'actor' ? [target.id] : membersOf(target.name)) {
    if (!next.opted_out.includes(actor)) continue
    if (next.switched_off?.includes(actor)) {
      next = letIn(next, actor)
      optOutChanges.push({ kind: 'opt_out_removed', actor })
    } else if (target.kind === 'actor') {
      return { refused: `Opt-out exists for ${actor} - remove opt-out before enabling` }
    } else optOutChanges.push({ kind: 'stays_out', actor })
  }
  return { state: next, optOutChanges }
}

function takeOut(flag: string, state: FlagState, target: FlagTarget, { membersOf }: ChangeRules): ChangeResult {
  const left = gateOf(state, target, without)
  const optOutChanges: OptOutChange[] = []
  for (const actor of target.kind === 'actor' ? [target.id] : membersOf(target.name)) {
    const isMember = (group: string) => membersOf(group).has(actor)
    // Any percentage of time covers every actor at some moment.
    const { value, gate } = evaluateFlag(flag, left, { targetingKey: actor, isMember, draw: 0 })
    if (value) optOutChanges.push({ kind: 'opted_out', actor, gate })
  }
  if (optOutChanges.length === 0) return plain(left)
  const out = optOutChanges.map(({ actor }) => actor)
  const opted_out = withAll(left.opted_out, out)
  return { state: { ...left, opted_out, switched_off: withAll(left.switched_off ?? [], out) }, optOutChanges }
}

/** The state with the target's own gate edited. */
function gateOf(state: FlagState, target: FlagTarget, edit: typeof withOne): FlagState {
  return target.kind === 'actor'
    ? { ...state, actors: edit(state.actors, target.id) }
    : { ...state, feature_groups: edit(state.feature_groups, target.name) }
}

/** The state without the actor's opt-out. */
function letIn(state: FlagState, actor: string): FlagState {
  return { ...withoutMark(state, actor), opted_out: without(state.opted_out, actor) }
}

/** The state without the mark that `false` opted the actor out. */
function withoutMark({ switched_off = [], ...state }: FlagState, actor: string): FlagState {
  const left = without(switched_off, actor)
  return left.length > 0 ? { ...state, switched_off: left } : state
}

function plain(state: FlagState): ChangeResult {
  return { state, optOutChanges: [] }
}

function setPercentage(
  flag: string,
  state: FlagState,
  change: { readonly percentage: number; readonly of: 'actors' | 'time' },
  rules: ChangeRules,
): ChangeResult {
  if (change.of === 'time' && rules.routes) {
    return {
      refused: `percentage of time is not allowed for '${flag}': it would send the requests of one flow to either side at random; use a percentage of actors`,
    }
  }
  if (state.boolean) return { refused: `Cannot enable percentage of ${change.of} for a fully-enabled flag` }
  return plain(
    change.of === 'actors'
      ? { ...state, percentage_of_actors: change.percentage }
      : { ...state, percentage_of_time: change.percentage },
  )
}

function withAll(list: readonly string[], items: readonly string[]): readonly string[] {
  return [...new Set([...list, ...items])].sort()
}

function withOne(list: readonly string[], item: string): readonly string[] {
  return list.includes(item) ? list : [...list, item].sort()
}

function without(list: readonly string[], item: string): readonly string[] {
  return list.filter((each) => each !== item)
}
