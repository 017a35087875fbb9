/**
 * The stored state of one flag in one environment. The gates are OR-ed; `opted_out` overrides all of them. Actors are
 * flag actor ids such as `Authn::OauthApplication:42`. Lists are sorted, without duplicates.
 */
export interface FlagState {
  readonly boolean: boolean
  readonly actors: readonly string[]
  /** 0 to 100, at most three decimals. */
  readonly percentage_of_actors: number
  /** 0 to 100: the share of evaluations, drawn for each one. Refused for flags that route. */
  readonly percentage_of_time: number
  readonly feature_groups: readonly string[]
  readonly opted_out: readonly string[]
  /**
   * The actors in `opted_out` that `false` opted out because another gate covered them; `true` opts them in again. An
   * actor that `opt_out` opted out stays out until `remove_opt_out`. Absent if empty.
   */
  readonly switched_off?: readonly string[] | undefined
}

/** A flag without any setting. */
export const OFF: FlagState = Object.freeze({
  boolean: false,
  actors: [],
  percentage_of_actors: 0,
  percentage_of_time: 0,
  feature_groups: [],
  opted_out: [],
})

/** A flag that is on for all. */
export const ON: FlagState = Object.freeze({ ...OFF, boolean: true })

/** Flipper's summary of a flag: on for all, for some, or for none. */
export type FlagCondition = 'on' | 'conditional' | 'off'

/** Summarizes a flag as Flipper does; an opt-out alone counts as a condition, because Flipper stores it as an actor. */
export function conditionOf(state: FlagState): FlagCondition {
  if (state.boolean || state.percentage_of_actors >= 100 || state.percentage_of_time >= 100) return 'on'
  const some =
    state.actors.length > 0 ||
    state.opted_out.length > 0 ||
    state.feature_groups.length > 0 ||
    state.percentage_of_actors > 0 ||
    state.percentage_of_time > 0
  return some ? 'conditional' : 'off'
}

/** Whether two states are equal. */
export function sameState(a: FlagState, b: FlagState): boolean {
  const sameList = (x: readonly string[], y: readonly string[]) =>
    x.length === y.length && x.every((v, i) => v === y[i])
  return (
    a.boolean === b.boolean &&
    a.percentage_of_actors === b.percentage_of_actors &&
    a.percentage_of_time === b.percentage_of_time &&
    sameList(a.actors, b.actors) &&
    sameList(a.feature_groups, b.feature_groups) &&
    sameList(a.opted_out, b.opted_out) &&
    sameList(a.switched_off ?? [], b.switched_off ?? [])
  )
}
