import { type Decision, type Destination, decideBeforeLookUp, decideByClient, type Facts } from '../../routing/index.ts'
import type { Asker, Standing } from '../decision-source/source.ts'
import type { Gate } from '../gateway-context.ts'

/** The client to look up, and the network that its request came from. */
export interface Caller extends Asker {
  /** The client network that the circuit counts as one caller. */
  readonly network: string
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
export function decideRequest(gate: Gate, facts: Facts, caller: Caller): Verdict | Promise<Verdict> {
  const { presented, credential } = facts
  if (presented === undefined || !gate.ledger.mayKnow) return decideByFacts(gate, facts, caller)
  const known = gate.ledger.find(presented, credential === 'unknown')
  return known instanceof Promise
    ? known.then((side) => decideByLedger(gate, facts, side, caller))
    : decideByLedger(gate, facts, known, caller)
}

function decideByLedger(
  gate: Gate,
  facts: Facts,
  known: Destination | 'unreachable' | undefined,
  caller: Caller,
): Verdict | Promise<Verdict> {
  if (known === 'unreachable' && facts.endpoint === 'token' && gate.ledger.iamMayHoldUnknown) {
    return { facts, decision: undefined }
  }
  const isKnown = known !== undefined && known !== 'unreachable'
  return decideByFacts(gate, isKnown ? { ...facts, credential: known } : facts, caller)
}

function decideByFacts(gate: Gate, facts: Facts, caller: Caller): Verdict | Promise<Verdict> {
  const early = decideBeforeLookUp(facts, { hasIam: gate.iam !== undefined, brake: gate.isBrakeOn })
  if (early !== undefined) return { facts, decision: early }
  const standing = gate.source.lookUp(facts.clientId ?? '', caller)
  return standing instanceof Promise
    ? standing.then((said) => decideByStanding(gate, facts, said, caller))
    : decideByStanding(gate, facts, standing, caller)
}

function decideByStanding({ circuit, source }: Gate, facts: Facts, standing: Standing, caller: Caller): Verdict {
  const application = typeof standing === 'string' ? undefined : (standing.applicationId ?? facts.clientId)
  const iamAvailable = circuit.mayTry(application, caller)
  return {
    facts,
    decision: decideByClient(standing, { iamAvailable, unknownClientsToIam: source.unknownClientsToIam }),
  }
}
