import { actorOf } from '../../applications/index.ts'
import { bucketOf, type Environment, evaluateFlag } from '../../flags/index.ts'
import {
  type CredentialMarks,
  type Decision,
  decide,
  type Facts,
  matchEndpoint,
  ROUTING_FLAG,
  type RoutingContext,
  readFacts,
  UNKNOWN_CLIENTS_FLAG,
} from '../../routing/index.ts'
import type { CommonState } from '../gateways/gateway-health.ts'
import { type ApplicationRecord, hasArrived } from '../state/model.ts'
import { groupActors, type StateCache } from '../state/state-cache.ts'

/** A request as described by a proxy or a person. */
export interface DescribedRequest {
  readonly method: string
  /** Path and query, as they would be sent. */
  readonly target: string
  readonly contentType: string | undefined
  readonly authorization: string | undefined
  readonly hasRepeatedHeader: boolean
  readonly body: Buffer | undefined
}

/** The input of a decision besides the view. */
export interface DecisionSettings {
  readonly credentialMarks: CredentialMarks
  readonly relativeUrlRoot: string
}

const ALL_WELL: CommonState = { brake: false, iamAvailable: () => true }

/** The destination of a described request; `facts` is undefined for a path that routing does not cover. */
export interface WhatIf {
  readonly decision: Decision
  readonly facts: Facts | undefined
}

/**
 * Decides a described request with the gateway's own functions, assuming that IAM is configured.
 *
 * @param now seconds since the epoch
 * @param common what every gateway reports; without it IAM counts as up
 */
export function decideDescribed(
  cache: StateCache,
  environment: Environment,
  request: DescribedRequest,
  settings: DecisionSettings,
  now: number,
  common: CommonState = ALL_WELL,
): WhatIf {
  const mark = request.target.indexOf('?')
  const path = mark < 0 ? request.target : request.target.slice(0, mark)
  const match = matchEndpoint(path, settings.relativeUrlRoot)
  if (!match) {
    return { decision: { destination: 'legacy', reason: 'not_routed', applicationId: undefined }, facts: undefined }
  }
  const query = mark < 0 ? '' : request.target.slice(mark + 1)
  const facts = readFacts({ ...request, endpoint: match.endpoint, query }, settings.credentialMarks, now)
  return { decision: decideFacts(cache, environment, facts, common), facts }
}

/** Decides from known facts; see {@link decideDescribed}. */
export function decideFacts(
  cache: StateCache,
  environment: Environment,
  facts: Facts,
  common: CommonState = ALL_WELL,
): Decision {
  return decide(facts, routingContext(cache, environment, facts, common))
}

/** What a decision about these facts depends on besides them. */
export function routingContext(
  cache: StateCache,
  environment: Environment,
  facts: Facts,
  common: CommonState,
): RoutingContext {
  const application = facts.clientId === undefined ? undefined : cache.applicationByClientId(facts.clientId)
  return {
    hasIam: true,
    brake: cache.brake(environment).on || common.brake,
    iamAvailable: common.iamAvailable(application?.id),
    lookUp: (clientId) => cache.status(environment, clientId),
    unknownClientsToIam: cache.flagState(environment, UNKNOWN_CLIENTS_FLAG).boolean,
  }
}

/** The facts of a routing endpoint's request: a new flow of this client, and nothing else known. */
export function factsOfClient(clientId: string | undefined, fault: Facts['fault']): Facts {
  return {
    endpoint: 'authorize',
    clientId,
    fault,
    credential: 'none',
    hasGenuineVerifier: false,
    affinity: undefined,
    startsFlow: true,
  }
}

/** How the routing flag evaluates for one application, in numbers that can be checked by hand. */
export interface FlagStatus {
  readonly name: string
  readonly on: boolean
  /** The gate that decided; `none` if no gate enables the flag. */
  readonly gate: string
  /** The first percentage of actors that includes the application, times 1,000. */
  readonly bucket: number
  readonly percentage_of_actors: number
  readonly version: number
}

/** Evaluates the routing flag for an application, whether or not IAM holds it. */
export function flagStatus(cache: StateCache, environment: Environment, application: ApplicationRecord): FlagStatus {
  const state = cache.flagState(environment, ROUTING_FLAG)
  const actor = actorOf(application)
  const { value, gate } = evaluateFlag(ROUTING_FLAG, state, {
    targetingKey: actor,
    isMember: (group) => groupActors(cache.definitions, group).includes(actor),
  })
  return {
    name: ROUTING_FLAG,
    on: value,
    gate,
    bucket: bucketOf(ROUTING_FLAG, actor),
    percentage_of_actors: state.percentage_of_actors,
    version: cache.storedFlags(environment).get(ROUTING_FLAG)?.version ?? 0,
  }
}

/** Explains in sentences what a decision is based on. */
export function reasonsInWords(cache: StateCache, environment: Environment, { decision, facts }: WhatIf): string[] {
  if (!facts) return ['the path is none of the OAuth endpoints, so the request goes through to legacy untouched']
  const client = facts.clientId === undefined ? 'no client' : `client ${facts.clientId.slice(0, 255)}`
  switch (decision.reason) {
    case 'brake': {
      const { on, reason } = cache.brake(environment)
      if (!on) return ['every gateway has a brake of its own on, and the request starts a new flow']
      return [
        `the brake of ${environment} is on${reason === '' ? '' : ` (${reason})`}, and the request starts a new flow`,
      ]
    }
    case 'ambiguous_client':
      return ['a parameter is given twice, or the client differs between two places; which one counts is not guessed']
    case 'malformed_request':
      return ['the request cannot be read without guessing: broken encoding or JSON']
    case 'flow_verifier':
      return ['it carries a verifier that IAM issued, so it continues a flow of IAM']
    case 'flow_affinity':
      return [`it answers a page of ${decision.destination}, so it continues there`]
    case 'credential_issuer':
      return [`it presents a credential that ${decision.destination} issued`]
    case 'credential_unknown':
      return ['it presents a credential that bears no mark of IAM']
    case 'not_routed':
      return ['the device page is the monolith’s for every application']
    case 'client_id_missing':
      return ['it names no client']
    case 'client_id_too_long':
      return ['its client_id is longer than 255 bytes']
    case 'unknown_client':
      return [`${client} is not known; flag ${UNKNOWN_CLIENTS_FLAG} sends it to ${decision.destination}`]
    default:
      return statusInWords(cache, environment, facts.clientId ?? '')
  }
}

function statusInWords(cache: StateCache, environment: Environment, clientId: string): string[] {
  const application = cache.applicationByClientId(clientId)
  if (!application) return []
  const flag = flagStatus(cache, environment, application)
  const words = [
    `client ${clientId} is application ${application.id}`,
    `flag ${flag.name} in ${environment}: ${gateInWords(flag)}`,
  ]
  if (flag.on && !hasArrived(application)) {
    const { iam_version: held, version } = application
    words.push(
      `but IAM ${held === null ? 'holds nothing of it' : `holds version ${held} of ${version}`}, so it stays on legacy`,
    )
  }
  return words
}

/** Which gate decides for an application, in words. */
export function gateInWords(flag: FlagStatus): string {
  const share = `its bucket is ${flag.bucket / 1_000} %`
  switch (flag.gate) {
    case 'boolean':
      return flag.version === 0 ? 'not set, and on for all by default' : 'on for all'
    case 'actor':
      return 'on for this application'
    case 'feature_group':
      return 'on for a feature group that it belongs to'
    case 'percentage_of_actors':
      return `on for ${flag.percentage_of_actors} % of applications, and ${share}`
    case 'opt_out':
      return 'this application is opted out'
    default:
      return flag.percentage_of_actors > 0
        ? `on for ${flag.percentage_of_actors} % of applications only, and ${share}`
        : 'off for this application'
  }
}
