import type { ProbeMark } from '../../credentials/index.ts'
import { type Decision, type Destination, decideBeforeLookUp, decideByClient, type Facts } from '../../routing/index.ts'
import type { ClientLookup, LookupRequest } from '../decision-source/source.ts'
import type { GatewayContext } from '../gateway-context.ts'
import { lookupForProbe } from './probe/probe.ts'

/** The client to look up, and the network that its request came from. */
export interface Caller extends LookupRequest {
  /** The client network that the circuit counts as one caller. */
  readonly network: string
  /** The mark of a probe, which may choose the side of a new flow. */
  readonly probe?: ProbeMark | undefined
}

/** The outcome of deciding a request. */
export interface Verdict {
  /** The facts as read, with the issuer of the credential where the ledger knows it. */
  readonly facts: Facts
  /** Undefined if the issuer cannot be determined and the wrong side would reject the credential for good. */
  readonly decision: Decision | undefined
}

/**
 * Decides a request from the ledger, the snapshot and the health of IAM. Returns a promise only if the ledger or the
 * decision source has to query another server. Never rejects.
 */
export function decideRequest(context: GatewayContext, facts: Facts, caller: Caller): Verdict | Promise<Verdict> {
  const { presented, credential } = facts
  if (presented === undefined || !context.ledger.mayKnow) return decideByFacts(context, facts, caller)
  const known = context.ledger.find(presented, credential === 'unknown')
  return known instanceof Promise
    ? known.then((side) => decideByLedger(context, facts, side, caller))
    : decideByLedger(context, facts, known, caller)
}

function decideByLedger(
  context: GatewayContext,
  facts: Facts,
  known: Destination | 'unreachable' | undefined,
  caller: Caller,
): Verdict | Promise<Verdict> {
  if (known === 'unreachable' && facts.endpoint === 'token' && context.ledger.iamMayHoldUnknown) {
    return { facts, decision: undefined }
  }
  const isKnown = known !== undefined && known !== 'unreachable'
  return decideByFacts(context, isKnown ? { ...facts, credential: known } : facts, caller)
}

function decideByFacts(context: GatewayContext, facts: Facts, caller: Caller): Verdict | Promise<Verdict> {
  const early = decideBeforeLookUp(facts, { hasIam: context.iam !== undefined, brake: context.isBrakeOn })
  if (early !== undefined) return { facts, decision: early }
  const status = context.source.lookUp(facts.clientId ?? '', caller)
  return status instanceof Promise
    ? status.then((said) => decideByLookup(context, facts, said, caller))
    : decideByLookup(context, facts, status, caller)
}

function decideByLookup(
  { circuit, source }: GatewayContext,
  facts: Facts,
  found: ClientLookup,
  caller: Caller,
): Verdict {
  const status = lookupForProbe(found, caller.probe)
  const application = typeof status === 'string' ? undefined : (status.applicationId ?? facts.clientId)
  const iamAvailable = circuit.mayTry(application, caller)
  return {
    facts,
    decision: decideByClient(status, { iamAvailable, unknownClientsToIam: source.unknownClientsToIam }),
  }
}
