import type { Facts } from '../../routing/index.ts'
import { RequestTrace } from '../telemetry/request-trace.ts'
import type { ExchangeState } from './exchange-state.ts'

/** Returns the trace of an exchange and begins it on first use; undefined if tracing is off. */
export function traceOf(state: ExchangeState, facts?: Facts): RequestTrace | undefined {
  const { tracing, marks } = state.context
  if (state.trace !== undefined || tracing === undefined) return state.trace
  const { method, endpoint, correlationId, peer, transport } = state
  const presented = endpoint === 'token' ? facts?.presented : undefined
  state.trace = RequestTrace.begin({
    ...{ tracing, endpoint, method, correlationId, presented },
    headers: transport.headers,
    isTrusted: peer.isTrusted,
    key: marks.flowKey,
  })
  return state.trace
}
