import type { Destination } from '../../routing/index.ts'
import { cookieOwner } from '../gateway-context.ts'
import { requestHeaders, uncompressed } from '../headers/request-headers.ts'
import type { UpstreamRequest } from '../upstream/attempt.ts'
import type { ExchangeState } from './exchange-state.ts'
import { traceOf } from './trace-of.ts'

/** Step 4a: builds the request for one side, with its own path, headers and cookies. */
export function upstreamRequest(state: ExchangeState, side: Destination): UpstreamRequest {
  const { context, admitted, transport, facts, matched } = state
  const headers = requestHeaders(headersFor(state, side), cookieOwner(context, side), state)
  return {
    method: state.method,
    path: side === 'iam' && matched !== undefined ? matched.iamTarget : admitted.target,
    headers: traceOf(state)?.upstream(headers, side) ?? headers,
    body: facts === undefined && admitted.hasBody ? transport.stream : (state.body ?? null),
    traffic: state.endpoint === 'other' && side === 'legacy' ? 'other' : 'oauth',
  }
}

/** Where no mark identifies IAM's credentials, the gateway must be able to read the response that issues them. */
function headersFor({ context, transport }: ExchangeState, side: Destination): readonly string[] {
  const { rawHeaders } = transport
  return side === 'iam' && context.ledger.iamMayHoldUnknown ? uncompressed(rawHeaders) : rawHeaders
}
