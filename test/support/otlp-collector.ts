import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

const attribute = z.strictObject({
  key: z.string().min(1),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
    z.strictObject({ doubleValue: z.number() }),
    z.strictObject({ boolValue: z.boolean() }),
  ]),
})
const traceId = z.string().regex(/^(?!0{32})[0-9a-f]{32}$/)
const spanId = z.string().regex(/^(?!0{16})[0-9a-f]{16}$/)
const nanoseconds = z.string().regex(/^\d{19}$/)
const span = z.strictObject({
  traceId,
  spanId,
  parentSpanId: spanId.optional(),
  name: z.string().min(1),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes: z.array(attribute),
  links: z.array(z.strictObject({ traceId, spanId, attributes: z.array(attribute) })).optional(),
  status: z.strictObject({ code: z.int().min(0).max(2).optional() }),
})
/** `ExportTraceServiceRequest` in OTLP's JSON encoding, without members unknown to that encoding. */
const exported = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: z.array(attribute) }),
      scopeSpans: z.array(z.strictObject({ scope: z.strictObject({ name: z.string() }), spans: z.array(span) })),
    }),
  ),
})

/** A span as received by a collector. */
export interface CollectedSpan extends z.infer<typeof span> {
  /** `service.name` of its resource. */
  readonly service: string
  readonly named: Readonly<Record<string, unknown>>
}

/** A collector that receives OTLP over HTTP as JSON and validates its form. */
export interface OtlpCollector {
  readonly url: string
  readonly spans: readonly CollectedSpan[]
  /** Faults in the requests it received. */
  readonly faults: readonly string[]
  /** The status it answers with; initially 200, and 0 for no answer. */
  status: number
  stop(): Promise<void>
}

/** Starts a collector on a loopback port. */
export async function startCollector(): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = []
  const faults: string[] = []
  const server = createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('data', (chunk: Buffer) => chunks.push(chunk))
    message.on('end', () => {
      if (message.url !== '/v1/traces' || message.method !== 'POST') faults.push(`${message.method} ${message.url}`)
      if (message.headers['content-type'] !== 'application/json') faults.push(`${message.headers['content-type']}`)
      if (collector.status === 0) return
      if (collector.status === 200) take(Buffer.concat(chunks).toString('utf8'))
      response.writeHead(collector.status, { 'Content-Type': 'application/json' }).end('{"partialSuccess":{}}')
    })
  })
  const take = (text: string) => {
    const read = exported.safeParse(JSON.parse(text))
    if (!read.success) return void faults.push(read.error.message)
    for (const { resource, scopeSpans } of read.data.resourceSpans) {
      const service = String(namedValues(resource.attributes)['service.name'])
      for (const one of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({ ...one, service, named: namedValues(one.attributes) })
      }
    }
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const collector: OtlpCollector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    faults,
    status: 200,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return collector
}

function namedValues(attributes: ReadonlyArray<z.infer<typeof attribute>>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
