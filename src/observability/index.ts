export { givenCorrelationId } from './correlation-id.ts'
export { type LineAllowance, LineBudget } from './line-budget.ts'
export { type LineWriter, lineWriter } from './lines.ts'
export { createLog, createLogOutput, type Log, silentLog } from './log.ts'
export { mergeMetrics } from './merge-metrics.ts'
export { meterProcess } from './process-metrics.ts'
export { currentRequest, runInRequest } from './request-context.ts'
export { endSpan, spanOfRequest } from './request-span.ts'
export { parseTraceparent, type TraceContext } from './tracing/trace-context.ts'
export {
  meterSpans,
  openTracing,
  SPANS_METRIC,
  type Span,
  type Tracing,
  type TracingSettings,
} from './tracing/tracing.ts'
