import { conditionOf, type Environment, type FlagState } from '../../flags/index.ts'

/** A change, and how the flag stands in the other two environments that the rule is about. */
export interface ConsistencyFacts {
  readonly environment: Environment
  readonly before: FlagState
  readonly after: FlagState
  readonly staging: FlagState
  readonly production: FlagState
}

/**
 * Staging before production: production may be widened only where staging has the flag on for somebody, and staging
 * may be switched off only where production is off. Says what stands against it; undefined when nothing does.
 */
export function consistencyRefusal(facts: ConsistencyFacts, isWidening: boolean): string | undefined {
  const { environment, before, after, staging, production } = facts
  if (environment === 'production' && isWidening && !isOnForSomebody(staging)) {
    return 'staging comes before production, and there the flag is off'
  }
  if (environment === 'staging' && isOnForSomebody(before) && !isOnForSomebody(after) && isOnForSomebody(production)) {
    return 'the flag is still on in production: switch it off there first'
  }
  return undefined
}

/** An opt-out alone takes nobody in. */
function isOnForSomebody(state: FlagState): boolean {
  return conditionOf({ ...state, opted_out: [] }) !== 'off'
}
