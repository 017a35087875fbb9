import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Registry } from 'prom-client'
import { type OtlpCollector, startCollector } from '../../../test/support/otlp-collector.ts'
import { createLog, silentLog } from '../log.ts'
import { runInRequest } from '../request-context.ts'
import { meterSpans, Tracing } from './tracing.ts'

const parent = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', isSampled: true }

describe('spans', () => {
  let collector: OtlpCollector
  before(async () => {
    collector = await startCollector()
  })
  beforeEach(() => {
    collector.status = 200
  })
  after(() => collector.stop())

  const open = (settings: { mode?: 'continue' | 'all'; samplePercent?: number } = {}) =>
    new Tracing({ mode: 'all', samplePercent: 100, endpoint: collector.url, service: 'part', ...settings }, silentLog)
  const collected = (name: string) => collector.spans.filter((span) => span.name === name)

  test('reach a collector in its format, with their parents, links, attributes and failures', async () => {
    const tracing = open()
    const span = tracing.begin({ name: 'whole', parent, isTrusted: true })
    assert.ok(span)
    span.set('text', 'a')
    span.set('whole', 3)
    span.set('part', 0.5)
    span.set('yes', true)
    span.set('unknown', undefined)
    const call = span.call('call')
    call.end(true)
    call.end()
    span.mark('moment', 'f'.repeat(32))
    span.end()
    await tracing.close()
    assert.deepEqual(collector.faults, [])
    const [whole] = collected('whole')
    assert.deepEqual(
      [whole?.service, whole?.traceId, whole?.parentSpanId, whole?.kind, whole?.status],
      ['part', parent.traceId, parent.spanId, 2, {}],
    )
    assert.deepEqual(whole?.named, { text: 'a', whole: '3', part: 0.5, yes: true })
    const [called] = collected('call')
    assert.deepEqual([called?.parentSpanId, called?.kind, called?.status], [whole?.spanId, 3, { code: 2 }])
    const [moment] = collected('moment')
    assert.equal(moment?.traceId, 'f'.repeat(32))
    assert.equal(moment?.links?.[0]?.spanId, whole?.spanId)
    assert.equal(whole?.links?.[0]?.spanId, moment?.spanId)
    const began = Number(BigInt(whole?.startTimeUnixNano ?? 0) / 1_000_000n)
    assert.ok(Math.abs(began - Date.now()) < 60_000)
    assert.deepEqual(tracing.counts, { exported: 3, dropped: 0 })
  })

  test('that belong to an unsampled trace are not sent, but continue in headers', async () => {
    const tracing = open({ samplePercent: 0 })
    const own = tracing.begin({ name: 'unsampled', isTrusted: true })
    const untrusted = tracing.begin({ name: 'unsampled', parent, isTrusted: false })
    const trusted = tracing.begin({ name: 'trusted', parent, isTrusted: true })
    for (const span of [own, untrusted, trusted]) span?.end()
    assert.match(own?.traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    assert.equal(untrusted?.traceId, parent.traceId)
    await tracing.close()
    assert.equal(collected('unsampled').length, 0)
    assert.equal(collected('trusted').length, 1)
  })

  test('begin without a trace to join only if configured', () => {
    assert.equal(open({ mode: 'continue' }).begin({ name: 'x', isTrusted: true }), undefined)
    assert.ok(open({ mode: 'continue' }).begin({ name: 'x', parent, isTrusted: true }))
    assert.ok(open().begin({ name: 'x', isTrusted: true }))
  })

  test('that a collector rejects are dropped, counted and reported once', async () => {
    const said: string[] = []
    const log = createLog('part', { destination: { write: (line) => void said.push(line) } })
    const tracing = new Tracing({ mode: 'all', samplePercent: 100, endpoint: collector.url, service: 'part' }, log)
    const one = () => tracing.begin({ name: 'lost', isTrusted: true })?.end()
    collector.status = 503
    for (let round = 0; round < 2; round++) {
      for (let count = 0; count < 600; count++) one()
      await tracing.close()
    }
    collector.status = 200
    one()
    await tracing.close()
    assert.deepEqual(tracing.counts, { exported: 1, dropped: 1_200 })
    assert.deepEqual(
      said.map((line) => (JSON.parse(line) as { msg: string }).msg),
      ['OTLP export failed; spans dropped', 'OTLP export recovered'],
    )
  })

  test('beyond the queue limit are dropped at once while a collector hangs, and a stop does not wait for it', async () => {
    const tracing = open()
    collector.status = 0
    for (let count = 0; count < 5_000; count++) tracing.begin({ name: 'held', isTrusted: true })?.end()
    const { exported, dropped } = tracing.counts
    assert.equal(exported, 0)
    assert.ok(dropped >= 5_000 - 2_048 - 512, String(dropped))
    const registry = new Registry()
    meterSpans(registry, tracing)
    assert.match(
      await registry.metrics(),
      new RegExp(`handover_trace_spans_total\\{outcome="dropped"\\} ${dropped}\\n`),
    )
    await tracing.close()
    assert.deepEqual(tracing.counts, { exported: 0, dropped: 5_000 })
  })
})

test('a collector that reports a negative number of rejected spans does not break the metrics', async () => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end(JSON.stringify({ partialSuccess: { rejectedSpans: '-7' } })))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tracing = new Tracing({ mode: 'all', samplePercent: 100, endpoint, service: 'part' }, silentLog)
  const registry = new Registry()
  meterSpans(registry, tracing)
  tracing.begin({ name: 'x', isTrusted: true })?.end()
  await tracing.close()
  server.closeAllConnections()
  server.close()
  assert.match(await registry.metrics(), /handover_trace_spans_total\{outcome="exported"\} 1\n/)
})

test('a line written while a traced request is handled carries its trace, others do not', () => {
  const said: string[] = []
  const log = createLog('part', { destination: { write: (line) => void said.push(line) } })
  const tracing = new Tracing({ mode: 'all', samplePercent: 100, endpoint: undefined, service: 'part' }, log)
  const span = tracing.begin({ name: 'x', parent, isTrusted: true })
  log.info({ a: 1 }, 'before')
  runInRequest({ correlationId: 'c', span }, () => log.info({ a: 1 }, 'within'))
  log.info('after')
  const traces = said.map((line) => (JSON.parse(line) as { trace_id?: string }).trace_id)
  assert.deepEqual(traces, [undefined, parent.traceId, undefined])
})
