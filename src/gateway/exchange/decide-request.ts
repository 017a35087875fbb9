import { type Decision, type Destination, decideBeforeLookUp, decideByClient, type Facts } from '../../routing/index.ts'
import type { Asker, Standing } from '../decision-source/source.ts'
import type { Gate } from '../gateway-context.ts'

/** Who is looked up for, and where the request came from. */
export interface Caller extends Asker {
  /** What counts as one caller. */
  readonly network: string
}

/** What was made of a request. */
export interface Verdict {
  /** As read, with the issuer of its credential where the ledger knows it. */
  readonly facts: Facts
  /** Undefined where the issuer cannot be asked for and the wrong side would refuse the credential for good. */
  readonly decision: Decision | undefined
}

/** Decides a request by ledger, snapshot and health; at once unless somebody else has to be asked. Never rejects. */
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
