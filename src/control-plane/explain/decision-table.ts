import {
  type ClientStatus,
  type Destination,
  decide,
  type Facts,
  MAX_CLIENT_ID_BYTES,
  type Reason,
  type RoutingContext,
} from '../../routing/index.ts'

/** A row of the decision table, applied to one request. */
export interface DecisionRow {
  /** When it applies, in words. */
  readonly when: string
  readonly reason: Reason
  /** Where it sends the request; undefined where that depends on the request. */
  readonly destination: Destination | undefined
  /** The first row that applies wins; the rows after it are not reached. */
  readonly outcome: 'does_not_apply' | 'wins' | 'not_reached'
  /** Why it does not apply, or why it wins; empty for a row that is not reached. */
  readonly because: string
}

interface Rule {
  readonly when: string
  readonly reason: Reason
  readonly destination: Destination | undefined
  readonly applies: (facts: Facts, context: RoutingContext, client: Client) => boolean
  /** Why it does not apply. */
  readonly otherwise: (facts: Facts, context: RoutingContext, client: Client) => string
}

type Client = ClientStatus | 'unknown_client' | 'unavailable' | 'none'

const FAULTS = {
  ambiguous_client: 'the request contradicts itself, and presents no credential of iam',
  malformed_request: 'the request cannot be read without guessing, and presents no credential of iam',
} as const

/** The rows in the order in which {@link decide} tries them. */
const RULES: readonly Rule[] = [
  {
    ...{ when: 'the brake is on and the request starts a new flow', reason: 'brake', destination: 'legacy' },
    applies: ({ startsFlow }, { brake }) => brake && startsFlow,
    otherwise: (_facts, { brake }) => (brake ? 'the request continues a flow' : 'the brake is off'),
  },
  ...(['ambiguous_client', 'malformed_request'] as const).map(
    (fault): Rule => ({
      ...{ when: FAULTS[fault], reason: fault, destination: 'legacy' },
      applies: (facts) => facts.fault === fault && facts.credential !== 'iam',
      otherwise: (facts) =>
        facts.fault === fault ? 'it presents a credential of iam' : 'nothing in the request says so',
    }),
  ),
  {
    ...{ when: 'it carries a verifier that iam issued', reason: 'flow_verifier', destination: 'iam' },
    applies: ({ hasGenuineVerifier }) => hasGenuineVerifier,
    otherwise: () => 'it carries no verifier, or none that iam issued',
  },
  {
    ...{ when: 'one side served the first page of its flow', reason: 'flow_affinity', destination: undefined },
    applies: ({ affinity }) => affinity !== undefined,
    otherwise: () => 'it carries no mark of a flow',
  },
  {
    ...{ when: 'it presents a credential whose issuer is known', reason: 'credential_issuer', destination: undefined },
    applies: ({ credential }) => credential === 'iam' || credential === 'legacy',
    otherwise: ({ credential }) => (credential === 'none' ? 'it presents no credential' : 'the issuer is unknown'),
  },
  {
    ...{ when: 'it presents a credential of an unknown issuer', reason: 'credential_unknown', destination: 'legacy' },
    applies: ({ credential }) => credential === 'unknown',
    otherwise: () => 'it presents no credential',
  },
  {
    ...{ when: 'it asks for the device page, which only rails has', reason: 'not_routed', destination: 'legacy' },
    applies: ({ endpoint }) => endpoint === 'device',
    otherwise: ({ endpoint }) => `it asks for ${endpoint}`,
  },
  {
    ...{ when: 'it names no client', reason: 'client_id_missing', destination: 'legacy' },
    applies: ({ clientId }) => clientId === undefined,
    otherwise: () => 'it names a client',
  },
  {
    ...{ when: `its client_id is longer than ${MAX_CLIENT_ID_BYTES} bytes`, reason: 'client_id_too_long' },
    destination: 'legacy',
    applies: ({ clientId = '' }) => Buffer.byteLength(clientId) > MAX_CLIENT_ID_BYTES,
    otherwise: ({ clientId = '' }) => `it has ${Buffer.byteLength(clientId)} bytes`,
  },
  {
    ...{ when: 'the client is unknown', reason: 'unknown_client', destination: undefined },
    applies: (_facts, _context, client) => client === 'unknown_client',
    otherwise: () => 'the client is known',
  },
  {
    ...{ when: 'the flag is off for the application', reason: 'flag_disabled', destination: 'legacy' },
    applies: (_facts, _context, client) => flagOf(client) === 'off',
    otherwise: () => 'the flag is on for it',
  },
  {
    ...{ when: 'iam does not hold its current version', reason: 'application_not_arrived', destination: 'legacy' },
    applies: (_facts, _context, client) => flagOf(client) === 'not_arrived',
    otherwise: () => 'iam holds it',
  },
  {
    ...{ when: 'the flag is on and iam is available', reason: 'flag_enabled', destination: 'iam' },
    applies: (_facts, { iamAvailable }, client) => flagOf(client) === 'on' && iamAvailable,
    otherwise: () => "iam's circuit is open",
  },
  {
    ...{ when: "the flag is on and iam's circuit is open", reason: 'iam_unavailable', destination: 'legacy' },
    applies: (_facts, { iamAvailable }, client) => flagOf(client) === 'on' && !iamAvailable,
    otherwise: () => 'iam is available',
  },
]

/**
 * The decision table applied to one request: which row won, and why each one before it did not apply. The winner is the
 * decision of {@link decide} for the same facts and context.
 */
export function decisionTable(facts: Facts, context: RoutingContext): DecisionRow[] {
  const decision = decide(facts, context)
  const client: Client = facts.clientId === undefined ? 'none' : context.lookUp(facts.clientId)
  const winner = RULES.findIndex((rule) => rule.applies(facts, context, client))
  return RULES.map(({ when, reason, destination, otherwise }, index): DecisionRow => {
    const row = { when, reason, destination: index === winner ? decision.destination : destination }
    if (index === winner) return { ...row, outcome: 'wins', because: when }
    if (winner >= 0 && index > winner) return { ...row, outcome: 'not_reached', because: '' }
    return { ...row, outcome: 'does_not_apply', because: otherwise(facts, context, client) }
  })
}

function flagOf(client: Client): ClientStatus['flag'] | undefined {
  return typeof client === 'object' ? client.flag : undefined
}
