import { request } from 'undici'
import type { Log } from '../log.ts'
import { type FinishedSpan, otlpDocument } from './otlp-document.ts'

const MOST_HELD = 2_048
const BATCH = 512
const EVERY_MS = 1_000
const LIMIT_MS = 5_000
/** How long a stopping component waits for a collector. */
const LAST_MS = 1_000

/** Number of exported and of dropped spans since startup. */
export interface ExportCounts {
  readonly exported: number
  readonly dropped: number
}

/**
 * Sends finished spans to a collector in batches, as OTLP over HTTP with JSON. Nothing waits for it: spans that exceed
 * the queue of 2,048, or that a collector does not accept within 5 s, are dropped and counted.
 */
export class OtlpExporter {
  readonly #url: string
  readonly #service: string
  readonly #log: Log
  readonly #counts = { exported: 0, dropped: 0 }
  #queue: FinishedSpan[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #isFailing = false
  readonly #cut = new AbortController()

  /** @param endpoint a bare origin is completed with `/v1/traces` */
  constructor(endpoint: string, service: string, log: Log) {
    const url = new URL(endpoint)
    if (url.pathname === '/') url.pathname = '/v1/traces'
    this.#url = url.href
    this.#service = service
    this.#log = log
  }

  get counts(): ExportCounts {
    return this.#counts
  }

  add(span: FinishedSpan): void {
    if (this.#queue.length >= MOST_HELD) {
      this.#counts.dropped++
      return
    }
    this.#queue.push(span)
    if (this.#queue.length >= BATCH) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), EVERY_MS).unref()
  }

  /** Sends the queued spans for at most one second; drops the rest. */
  async close(): Promise<void> {
    this.#flush()
    const timer = setTimeout(() => this.#cut.abort(), LAST_MS)
    await this.#sending
    clearTimeout(timer)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH)
      const rejected = await this.#send(batch).catch((error: unknown) => {
        this.#tell(error)
        return batch.length
      })
      this.#counts.dropped += rejected
      this.#counts.exported += batch.length - rejected
      // A failing collector is not tried again for each batch queued since then.
      if (rejected === batch.length) {
        this.#counts.dropped += this.#queue.length
        this.#queue = []
      }
    }
  }

  /** Returns how many spans the collector rejected. */
  async #send(batch: readonly FinishedSpan[]): Promise<number> {
    const answer = await request(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(otlpDocument(this.#service, batch)),
      signal: AbortSignal.any([AbortSignal.timeout(LIMIT_MS), this.#cut.signal]),
    })
    const text = await answer.body.text()
    if (answer.statusCode < 200 || answer.statusCode >= 300) throw new Error(`answered ${answer.statusCode}`)
    if (this.#isFailing) this.#log.info('OTLP export recovered')
    this.#isFailing = false
    return Math.max(0, Math.min(batch.length, rejectedIn(text)))
  }

  #tell(error: unknown): void {
    if (this.#isFailing) return
    this.#isFailing = true
    const { code, message } = error as NodeJS.ErrnoException
    this.#log.warn({ cause: code ?? message }, 'OTLP export failed; spans dropped')
  }
}

/** A collector may accept a batch in part (OTLP §partial success). */
function rejectedIn(text: string): number {
  try {
    const answer = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: number | string } }
    return Number(answer.partialSuccess?.rejectedSpans ?? 0) || 0
  } catch {
    return 0
  }
}
