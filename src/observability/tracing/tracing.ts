import type { Registry } from 'prom-client'
import { Counter } from 'prom-client'
import type { Log } from '../log.ts'
import type { FinishedSpan, SpanAttribute, SpanKind } from './otlp-document.ts'
import { type ExportCounts, OtlpExporter } from './otlp-exporter.ts'
import { isWithinShare, randomId, type TraceContext, traceparentOf } from './trace-context.ts'

/** The tracing settings of a component. */
export interface TracingSettings {
  /** `continue` joins the trace of a request; `all` also begins one for a request without a trace. */
  readonly mode: 'continue' | 'all'
  /** Percentage of traces to export, among those without a trusted sampling decision. */
  readonly samplePercent: number
  /** The collector of spans; without it spans are not exported, and traces appear only in headers and log lines. */
  readonly endpoint: string | undefined
  readonly service: string
}

/** How a span begins. */
export interface SpanStart {
  readonly name: string
  /** The parent span. */
  readonly parent?: TraceContext | undefined
  /** Whether to trust the parent's sampling decision. */
  readonly isTrusted: boolean
  /** The trace to use without a parent; default is a new one. */
  readonly traceId?: string | undefined
}

/** Begins spans and passes finished ones to the collector. */
export class Tracing {
  readonly #settings: TracingSettings
  readonly #exporter: OtlpExporter | undefined

  constructor(settings: TracingSettings, log: Log) {
    this.#settings = settings
    const { endpoint, service } = settings
    this.#exporter = endpoint === undefined ? undefined : new OtlpExporter(endpoint, service, log)
  }

  /** Begins the span of an incoming request; undefined if it carries no trace and none is to begin. */
  begin({ name, parent, isTrusted, traceId = randomId(16) }: SpanStart): Span | undefined {
    if (parent === undefined && this.#settings.mode === 'continue') return undefined
    const id = parent?.traceId ?? traceId
    const isSampled = parent && isTrusted ? parent.isSampled : isWithinShare(id, this.#settings.samplePercent)
    return new Span(this.#finish, { traceId: id, spanId: randomId(8), isSampled }, { name, kind: 'server', parent })
  }

  get counts(): ExportCounts {
    return this.#exporter?.counts ?? { exported: 0, dropped: 0 }
  }

  /** Exports the queued spans. */
  async close(): Promise<void> {
    await this.#exporter?.close()
  }

  readonly #finish = (span: FinishedSpan): void => this.#exporter?.add(span)
}

/** A timed operation in a trace. Attributes must not contain credentials. */
export class Span {
  readonly context: TraceContext
  readonly #finish: (span: FinishedSpan) => void
  readonly #what: { readonly name: string; readonly kind: SpanKind; readonly parent?: TraceContext | undefined }
  readonly #startedAt = now()
  readonly #attributes: Record<string, SpanAttribute> = {}
  readonly #links: TraceContext[] = []
  #hasEnded = false

  constructor(
    finish: (span: FinishedSpan) => void,
    context: TraceContext,
    what: { readonly name: string; readonly kind: SpanKind; readonly parent?: TraceContext | undefined },
  ) {
    this.#finish = finish
    this.context = context
    this.#what = what
  }

  get traceId(): string {
    return this.context.traceId
  }

  /** The header value for a request made under this span. */
  get traceparent(): string {
    return traceparentOf(this.context)
  }

  /** Begins the span of a call to another server on behalf of this span. */
  call(name: string): Span {
    const { traceId, isSampled } = this.context
    const context = { traceId, spanId: randomId(8), isSampled }
    return new Span(this.#finish, context, { name, kind: 'client', parent: this.context })
  }

  /** Records a moment that begins another trace, and links the two traces. */
  mark(name: string, traceId: string): void {
    const { isSampled } = this.context
    const moment = new Span(this.#finish, { traceId, spanId: randomId(8), isSampled }, { name, kind: 'internal' })
    moment.link(this.context)
    this.link(moment.context)
    moment.end()
  }

  set(name: string, value: SpanAttribute | undefined): void {
    if (value !== undefined) this.#attributes[name] = value
  }

  link(to: TraceContext): void {
    this.#links.push(to)
  }

  /** Ends the span; only the first call counts. */
  end(isError = false): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (!this.context.isSampled) return
    const { name, kind, parent } = this.#what
    this.#finish({
      ...{ name, kind, isError, context: this.context, parentSpanId: parent?.spanId },
      ...{ startedAt: this.#startedAt, endedAt: now() },
      ...{ attributes: this.#attributes, links: this.#links },
    })
  }
}

/** Starts tracing with the given settings; undefined if there are none. */
export function openTracing(settings: TracingSettings | undefined, log: Log): Tracing | undefined {
  return settings && new Tracing(settings, log)
}

/** The name and help of the metric that {@link meterSpans} registers. */
export const SPANS_METRIC = { name: 'handover_trace_spans_total', help: 'Spans, by whether a collector took them.' }

/** Registers the counts of exported and dropped spans in `registry`; nothing without tracing. */
export function meterSpans(registry: Registry, tracing: Tracing | undefined): void {
  if (tracing === undefined) return
  const counter: Counter = new Counter({
    ...SPANS_METRIC,
    labelNames: ['outcome'],
    registers: [registry],
    collect: (): void => {
      counter.reset()
      for (const [outcome, count] of Object.entries(tracing.counts)) counter.inc({ outcome }, count)
    },
  })
}

function now(): number {
  return performance.timeOrigin + performance.now()
}
