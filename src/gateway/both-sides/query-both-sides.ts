import type { Destination, Endpoint } from '../../routing/index.ts'
import { type Failure, gatewayErrorOf, isServerFailure } from '../responses/failure.ts'
import type { GatewayError } from '../responses/local-responses.ts'
import type { UpstreamRequest } from '../upstream/attempt.ts'
import { NOBODY } from '../upstream/circuit/breaker.ts'
import type { Circuit } from '../upstream/circuit/circuit.ts'
import { type CompleteResponse, queryUpstream, queryWithRetry } from '../upstream/query-upstream.ts'
import type { Upstream } from '../upstream/upstream.ts'

/**
 * Endpoints where a credential of unknown issuer concerns both sides (RFC 7009, RFC 7662, OpenID Connect Core §5.3).
 */
export const CONCERNS_BOTH: ReadonlySet<Endpoint> = new Set(['introspect', 'revoke', 'userinfo', 'token_info'])

/** A side's response, or why there is none; `unavailable` if it is known to be down and was not queried. */
export type SideResult = CompleteResponse | Failure | 'unavailable'

/** What a query needs. */
export interface BothSidesQuery {
  readonly endpoint: Endpoint
  /** Whether IAM may have issued a credential without a mark. */
  readonly iamMayHold: boolean
  /** Sends the request to a side; `unavailable` if it is known to be down and was not queried. */
  ask(side: Destination): Promise<SideResult>
}

/** The side that answers the client, or why neither does. */
export type QueryResult =
  | { readonly by: Destination; readonly answer: CompleteResponse }
  | { readonly by: 'neither'; readonly error: GatewayError }

/**
 * Queries legacy first, then IAM if legacy does not know the credential. A credential is active if either side says so;
 * it is revoked only once every side that may hold it has confirmed. If a side that may hold it does not respond, the
 * result is a temporary error, never a denial. Rejects only if `query.ask` does.
 */
export async function queryBothSides(query: BothSidesQuery): Promise<QueryResult> {
  const { endpoint, iamMayHold } = query
  const legacy = await query.ask('legacy')
  if (endpoint === 'revoke') {
    if (typeof legacy === 'string') return errorAt(legacy)
    if (isServerFailure(legacy.status)) return { by: 'legacy', answer: legacy }
  } else if (typeof legacy !== 'string' && knowsCredential(endpoint, legacy)) return { by: 'legacy', answer: legacy }
  const iam = await query.ask('iam')
  const hasAnswered = typeof iam !== 'string' && !isServerFailure(iam.status)
  if (endpoint !== 'revoke' && hasAnswered && knowsCredential(endpoint, iam)) return { by: 'iam', answer: iam }
  if (typeof legacy === 'string') return errorAt(legacy)
  if (!hasAnswered && iamMayHold) return { by: 'neither', error: 'temporarily_unavailable' }
  return { by: 'legacy', answer: legacy }
}

/** The parts of a gateway that a query needs. */
export interface Sides {
  readonly legacy: Upstream
  readonly iam: Upstream | undefined
  readonly circuit: Circuit
  readonly ledger: { readonly iamMayHoldUnknown: boolean }
  /** Milliseconds. */
  readonly limits: { readonly legacyHeadersMs: number; readonly iamHeadersMs: number; readonly queryMs: number }
}

/** Runs a query at the sides of a gateway; see {@link queryBothSides}. Rejects only if `requestFor` throws. */
export function querySides(
  sides: Sides,
  endpoint: Endpoint,
  requestFor: (side: Destination) => UpstreamRequest,
): Promise<QueryResult> {
  const ask = (side: Destination) => querySide(sides, side, requestFor(side))
  return queryBothSides({ endpoint, iamMayHold: sides.ledger.iamMayHoldUnknown, ask })
}

/** Sends one request to one side of a gateway, within the time limits of a query. Never rejects. */
export function querySide(sides: Sides, side: Destination, request: UpstreamRequest): Promise<SideResult> {
  return side === 'legacy'
    ? queryWithRetry(sides.legacy, request, sides.limits.legacyHeadersMs)
    : queryIam(sides, request)
}

async function queryIam({ iam, circuit, limits }: Sides, request: UpstreamRequest): Promise<SideResult> {
  if (iam === undefined || circuit.isOpen) return 'unavailable'
  const answer = await queryUpstream(iam, request, Math.min(limits.iamHeadersMs, limits.queryMs))
  // A token of unknown issuer belongs to no known application.
  if (answer === 'overloaded') return answer
  if (typeof answer === 'string' || isServerFailure(answer.status)) circuit.failed(NOBODY)
  else circuit.succeeded({ sender: NOBODY })
  return answer
}

/** Whether a response shows that its side issued the credential. */
export function knowsCredential(endpoint: Endpoint, answer: CompleteResponse): boolean {
  if (endpoint === 'introspect') return answer.status === 200 && isActive(answer.body)
  // A 403 means that the token is known but insufficient (RFC 6750 §3.1).
  return answer.status < 400 || answer.status === 403
}

function isActive(body: Buffer): boolean {
  try {
    const document: unknown = JSON.parse(body.toString('utf8'))
    return document !== null && typeof document === 'object' && (document as { active?: unknown }).active === true
  } catch {
    return false
  }
}

function errorAt(failure: Failure | 'unavailable'): QueryResult {
  return { by: 'neither', error: gatewayErrorOf(failure) }
}
