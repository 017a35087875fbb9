import type { Registry } from 'prom-client'
import { Counter } from 'prom-client'
import type { Log } from '../log.ts'
import type { FinishedSpan, SpanAttribute, SpanKind } from './otlp-document.ts'
import { type ExportCounts, OtlpExporter } from './otlp-exporter.ts'
import { isWithinShare, randomId, type TraceContext, traceparentOf } from './trace-context.ts'

/** What a part does with traces. */
export interface TracingSettings {
  /** `continue` joins a trace that a request brings; `all` begins one where it brings none. */
  readonly mode: 'continue' | 'all'
  /** Of the traces whose sampling nobody else is believed to have decided, so many percent are exported. */
  readonly samplePercent: number
  /** Where spans are sent; without it none are, and traces show in headers and log lines alone. */
  readonly endpoint: string | undefined
  readonly service: string
}

/** How a span begins. */
export interface SpanStart {
  readonly name: string
  /** The span it belongs under. */
  readonly parent?: TraceContext | undefined
  /** Whether the parent's word on sampling counts. */
  readonly isTrusted: boolean
  /** The trace to be in when there is no parent; a new one without it. */
  readonly traceId?: string | undefined
}

/** Begins spans and sees them off to the collector. */
export class Tracing {
  readonly #settings: TracingSettings
  readonly #exporter: OtlpExporter | undefined

  constructor(settings: TracingSettings, log: Log) {
    this.#settings = settings
    const { endpoint, service } = settings
    this.#exporter = endpoint === undefined ? undefined : new OtlpExporter(endpoint, service, log)
  }

  /** The span of a request that has come in; undefined where it brings no trace and none is to be begun. */
  begin({ name, parent, isTrusted, traceId = randomId(16) }: SpanStart): Span | undefined {
    if (parent === undefined && this.#settings.mode === 'continue') return undefined
    const id = parent?.traceId ?? traceId
    const isSampled = parent && isTrusted ? parent.isSampled : isWithinShare(id, this.#settings.samplePercent)
    return new Span(this.#finish, { traceId: id, spanId: randomId(8), isSampled }, { name, kind: 'server', parent })
  }

  get counts(): ExportCounts {
    return this.#exporter?.counts ?? { exported: 0, dropped: 0 }
  }

  /** Sends what is held. */
  async close(): Promise<void> {
    await this.#exporter?.close()
  }

  readonly #finish = (span: FinishedSpan): void => this.#exporter?.add(span)
}

/** Something that takes time, as part of a trace. Attributes must hold no credential. */
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

  /** What a request made under this span carries. */
  get traceparent(): string {
    return traceparentOf(this.context)
  }

  /** A call to somebody else on behalf of this span. */
  call(name: string): Span {
    const { traceId, isSampled } = this.context
    const context = { traceId, spanId: randomId(8), isSampled }
    return new Span(this.#finish, context, { name, kind: 'client', parent: this.context })
  }

  /** Notes a moment that is the first one of another trace, and ties the two together. */
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

  /** Ends it, once. */
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

/** Starts tracing as a part is told to; undefined for not at all. */
export function openTracing(settings: TracingSettings | undefined, log: Log): Tracing | undefined {
  return settings && new Tracing(settings, log)
}

/** The name and help of the metric that {@link meterSpans} registers. */
export const SPANS_METRIC = { name: 'handover_trace_spans_total', help: 'Spans, by whether a collector took them.' }

/** Shows in `registry` how many spans were exported and dropped; nothing without tracing. */
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
