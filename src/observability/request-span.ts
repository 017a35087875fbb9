import { parseTraceparent } from './tracing/trace-context.ts'
import type { Span, Tracing } from './tracing/tracing.ts'

/** The parts of a request behind the gateway that its span needs. */
export interface TracedRequest {
  readonly method: string
  /** The requested route, from a fixed list. */
  readonly route: string
  readonly traceparent: string | string[] | undefined
  readonly correlationId: string
}

/**
 * Begins the span of a request from another component, and trusts its sampling decision. Returns undefined without
 * tracing, or if no trace is to begin.
 */
export function spanOfRequest(tracing: Tracing | undefined, request: TracedRequest): Span | undefined {
  const { method, route, correlationId } = request
  const parent = tracing && parseTraceparent(request.traceparent)
  const span = tracing?.begin({ name: `${method} ${route}`, parent, isTrusted: true })
  span?.set('http.request.method', method)
  span?.set('http.route', route)
  span?.set('handover.correlation_id', correlationId)
  return span
}

/** Ends the span of a request with the status of its response. */
export function endSpan(span: Span | undefined, status: number): void {
  span?.set('http.response.status_code', status)
  span?.end(status >= 500)
}
