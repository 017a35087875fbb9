import type { TraceContext } from './trace-context.ts'

export type SpanKind = 'internal' | 'server' | 'client'
export type SpanAttribute = string | number | boolean

/** A span that has ended. */
export interface FinishedSpan {
  readonly context: TraceContext
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: SpanKind
  /** Milliseconds since the epoch, with fractions. */
  readonly startedAt: number
  readonly endedAt: number
  readonly attributes: Readonly<Record<string, SpanAttribute>>
  readonly links: ReadonlyArray<Pick<TraceContext, 'traceId' | 'spanId'>>
  readonly isError: boolean
}

const KINDS = { internal: 1, server: 2, client: 3 } as const
const STATUS_ERROR = 2

/**
 * Builds an `ExportTraceServiceRequest` in OTLP's JSON encoding: ids in hex, 64-bit numbers as strings, kinds and codes
 * as numbers.
 */
export function otlpDocument(service: string, spans: readonly FinishedSpan[]): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ 'service.name': service, 'service.namespace': 'handover' }) },
        scopeSpans: [{ scope: { name: 'handover' }, spans: spans.map(spanOf) }],
      },
    ],
  }
}

function spanOf(span: FinishedSpan): object {
  const { traceId, spanId } = span.context
  return {
    traceId,
    spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startedAt),
    endTimeUnixNano: nanoseconds(span.endedAt),
    attributes: attributesOf(span.attributes),
    ...(span.links.length === 0 ? {} : { links: span.links.map(linkOf) }),
    status: span.isError ? { code: STATUS_ERROR } : {},
  }
}

function linkOf({ traceId, spanId }: FinishedSpan['links'][number]): object {
  return { traceId, spanId, attributes: [] }
}

function attributesOf(attributes: Readonly<Record<string, SpanAttribute>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: SpanAttribute): object {
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'string') return { stringValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** A string, since a double has too few digits. */
function nanoseconds(milliseconds: number): string {
  return `${BigInt(Math.round(milliseconds * 1_000))}000`
}
