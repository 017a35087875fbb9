import { compileFlag, type Environment, type FlagState } from '../../flags/index.ts'
import { ROUTING_FLAG, type RoutingContext } from '../../routing/index.ts'
import { hasArrived } from '../state/model.ts'
import { gatesOf, type StateCache } from '../state/state-cache.ts'

/** Another state than the present one, under which a decision is tried; what is left out stays as it is. */
export interface Assumption {
  readonly brake?: boolean | undefined
  /** The routing flag is on for all, or for the applications that its other gates name. */
  readonly everyone?: boolean | undefined
  /** The share of applications that the routing flag is on for, such as in a step of a plan. */
  readonly percentage_of_actors?: number | undefined
}

/**
 * What decisions would depend on under the assumption, given what they depend on at present. Opt-outs and named
 * applications stay as they are. The flag is compiled once, for as many decisions as are tried.
 */
export function assume(
  cache: StateCache,
  environment: Environment,
  { brake, everyone, percentage_of_actors: share }: Assumption,
): (context: RoutingContext) => RoutingContext {
  const present = cache.flagState(environment, ROUTING_FLAG)
  const state: FlagState = {
    ...present,
    // A share means nothing while the flag is on for all.
    boolean: everyone ?? (share === undefined ? present.boolean : false),
    percentage_of_actors: share ?? present.percentage_of_actors,
  }
  const isOn = compileFlag(ROUTING_FLAG, gatesOf(cache.definitions, state))
  const lookUp: RoutingContext['lookUp'] = (clientId) => {
    const application = cache.applicationByClientId(clientId)
    if (application === undefined) return 'unknown_client'
    const flag = isOn(application.id) ? (hasArrived(application) ? 'on' : 'not_arrived') : 'off'
    return { applicationId: application.id, flag }
  }
  return (context) => ({ ...context, brake: brake ?? context.brake, lookUp })
}
