import type { ClientStatus, Decision, Facts, RoutingContext } from './decision.ts'
import { MAX_CLIENT_ID_BYTES, type Reason } from './vocabulary.ts'

/**
 * Decides where a request goes, by the first matching row of the table in the design's §3. Pure: no clock, no I/O;
 * `context.lookUp` must return the same for the same snapshot. Broken and contradictory facts go to legacy, unless
 * the request carries an IAM credential.
 */
export function decide(facts: Facts, context: RoutingContext): Decision {
  return decideBeforeLookUp(facts, context) ?? decideByClient(context.lookUp(facts.clientId ?? ''), context)
}

/** Applies those of rows 1 to 6 that need no lookup of the client; undefined if the client decides. */
export function decideBeforeLookUp(
  facts: Facts,
  context: Pick<RoutingContext, 'hasIam' | 'brake'>,
): Decision | undefined {
  if (!context.hasIam) return toLegacy('not_routed')
  if (context.brake && facts.startsFlow) return toLegacy('brake')
  // An IAM credential means nothing to legacy, whatever else is wrong; IAM reads such requests as the monolith does.
  if (facts.fault && facts.credential !== 'iam') return toLegacy(facts.fault)
  if (facts.hasGenuineVerifier) return toIam('flow_verifier')
  if (facts.affinity) return { destination: facts.affinity, reason: 'flow_affinity', applicationId: undefined }
  if (facts.credential === 'iam') return toIam('credential_issuer')
  if (facts.credential === 'legacy') return toLegacy('credential_issuer')
  if (facts.credential === 'unknown') return toLegacy('credential_unknown')
  // There is only one device page, legacy's, for the codes of all applications (ADR 6).
  if (facts.endpoint === 'device') return toLegacy('not_routed')
  if (facts.clientId === undefined) return toLegacy('client_id_missing')
  if (isTooLong(facts.clientId)) return toLegacy('client_id_too_long')
  return undefined
}

/** Applies rows 6 to 9, by the lookup result of the client. */
export function decideByClient(
  client: ClientStatus | 'unknown_client' | 'unavailable',
  context: Pick<RoutingContext, 'iamAvailable' | 'unknownClientsToIam'>,
): Decision {
  if (client === 'unavailable') return toLegacy('routing_unavailable')
  if (client === 'unknown_client') {
    const goes = context.unknownClientsToIam && context.iamAvailable
    return goes ? toIam('unknown_client') : toLegacy('unknown_client')
  }
  const { applicationId } = client
  if (client.flag === 'off') return toLegacy('flag_disabled', applicationId)
  if (client.flag === 'not_arrived') return toLegacy('application_not_arrived', applicationId)
  return context.iamAvailable ? toIam('flag_enabled', applicationId) : toLegacy('iam_unavailable', applicationId)
}

function isTooLong(clientId: string): boolean {
  // One UTF-16 unit is at most three bytes, so most ids need no count.
  if (clientId.length * 3 <= MAX_CLIENT_ID_BYTES) return false
  return Buffer.byteLength(clientId) > MAX_CLIENT_ID_BYTES
}

function toLegacy(reason: Reason, applicationId?: number): Decision {
  return { destination: 'legacy', reason, applicationId }
}

function toIam(reason: Reason, applicationId?: number): Decision {
  return { destination: 'iam', reason, applicationId }
}
