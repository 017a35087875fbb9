import type { Reason } from '../../routing/index.ts'
import type { KnownAs } from '../decision-source/source.ts'
import type { ExchangeRecord } from './exchange-record.ts'

/** Reasons of requests that belong to no application, whatever their response. */
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
 * Whether an outcome is one that anyone can cause without a client, so that its log lines may be suppressed in a flood.
 * Decisions on a known application are never suppressed, nor are those on a client that may be known.
 */
export function isSuppressible(
  record: Pick<ExchangeRecord, 'reason' | 'status' | 'clientId'>,
  application: KnownAs,
): boolean {
  if (typeof application === 'number') return false
  if (application === 'unresolved' && record.clientId !== undefined && record.reason !== 'unknown_client') return false
  return STRANGE.has(record.reason) || (record.status >= 400 && record.status < 500)
}
