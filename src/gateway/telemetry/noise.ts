import type { Reason } from '../../routing/index.ts'
import type { KnownAs } from '../decision-source/source.ts'
import type { Outcome } from './outcome.ts'

/** Said of requests that belong to no application, however they were answered. */
const STRANGE: ReadonlySet<Reason> = new Set([
  'brake',
  'ambiguous_client',
  'malformed_request',
  'client_id_missing',
  'client_id_too_long',
  'unknown_client',
  'body_too_large',
  'not_routed',
])

/**
 * Whether an outcome is what anybody can cause without a client: its lines may be left out when there are too many. A
 * decision on a known application never is, nor one on a client of which it cannot be told whether it is known.
 */
export function isNoise(outcome: Pick<Outcome, 'reason' | 'status' | 'clientId'>, application: KnownAs): boolean {
  if (typeof application === 'number') return false
  if (application === 'not_told' && outcome.clientId !== undefined && outcome.reason !== 'unknown_client') return false
  return STRANGE.has(outcome.reason) || (outcome.status >= 400 && outcome.status < 500)
}
