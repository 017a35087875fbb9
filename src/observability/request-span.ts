import { parseTraceparent } from './tracing/trace-context.ts'
import type { Span, Tracing } from './tracing/tracing.ts'

/** A request behind the gateway, as far as its span needs it. */
export interface TracedRequest {
  readonly method: string
  /** What was asked for, from a fixed list. */
  readonly route: string
  readonly traceparent: string | string[] | undefined
  readonly correlationId: string
}

/** The span of a request that came from a part before this one, whose word on sampling counts. */
export function spanOfRequest(tracing: Tracing | undefined, request: TracedRequest): Span | undefined {
  const { method, route, correlationId } = request
  const parent = tracing && parseTraceparent(request.traceparent)
  const span = tracing?.begin({ name: `${method} ${route}`, parent, isTrusted: true })
  span?.set('http.request.method', method)
  span?.set('http.route', route)
  span?.set('handover.correlation_id', correlationId)
  return span
}

/** Ends the span of a request by the status it was answered with. */
export function endSpan(span: Span | undefined, status: number): void {
  span?.set('http.response.status_code', status)
  span?.end(status >= 500)
}
