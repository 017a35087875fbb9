import { conditionOf, type Environment, type FlagState } from '../../flags/index.ts'

/** A change, and the state of the flag in the two environments that the rule covers. */
export interface ConsistencyFacts {
  readonly environment: Environment
  readonly before: FlagState
  readonly after: FlagState
  readonly staging: FlagState
  readonly production: FlagState
}

/**
 * Staging before production: production may move towards IAM only while the flag is on for an application in staging,
 * and staging may be switched off only while production is off. Returns the reason for a refusal, or undefined.
 */
export function consistencyRefusal(facts: ConsistencyFacts, isRolloutIncrease: boolean): string | undefined {
  const { environment, before, after, staging, production } = facts
  if (environment === 'production' && isRolloutIncrease && !isOnForSomebody(staging)) {
    return 'staging comes before production, and the flag is off in staging'
  }
  if (environment === 'staging' && isOnForSomebody(before) && !isOnForSomebody(after) && isOnForSomebody(production)) {
    return 'the flag is still on in production; switch it off there first'
  }
  return undefined
}

/** An opt-out alone does not turn the flag on for any application. */
function isOnForSomebody(state: FlagState): boolean {
  return conditionOf({ ...state, opted_out: [] }) !== 'off'
}
