import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { type CollectedSpan, type OtlpCollector, startCollector } from '../../../test/support/otlp-collector.ts'
import { parseTraceparent } from '../../observability/index.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, type Received, type Side, until } from '../testing/test-bed.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const GIVEN = `00-${TRACE}-b7ad6b7169203331-01`

for (const fastPath of [true, false]) {
  describe(`traces through ${fastPath ? 'the fast path' : '`node:http`'}`, () => {
    let bed: Bed
    let legacy: Side
    let iam: Side
    let gateway: RunningGateway
    let quiet: RunningGateway
    let joining: RunningGateway
    let collector: OtlpCollector
    before(async () => {
      bed = await Bed.make()
      collector = await startCollector()
      const tracing = { mode: 'all', samplePercent: 100, endpoint: collector.url, service: 'handover-gateway' } as const
      const common = { fastPath, flowKey: Buffer.alloc(32, 1) }
      ;({ legacy, iam, gateway } = await bed.whole({ ...common, tracing }))
      const sides = { legacyUrl: legacy.url, iamUrl: iam.url, ...common }
      quiet = await bed.gateway(sides)
      joining = await bed.gateway({ ...sides, tracing: { ...tracing, mode: 'continue' } })
    })
    const plain: Side['answer'] = (_request, response) => void response.end('{}')
    afterEach(() => {
      legacy.answer = plain
      iam.answer = plain
    })
    after(async () => {
      await bed.end()
      await collector.stop()
    })

    const ask = async (path: string, options: RequestInit = {}, to = gateway) => {
      const answer = await fetch(to.url + path, { redirect: 'manual', ...options })
      await answer.arrayBuffer()
      return answer
    }
    const post = (path: string, body: string, headers = {}) =>
      ask(path, { method: 'POST', headers: { ...FORM, ...headers }, body })
    const contextAt = (side: Side): ReturnType<typeof parseTraceparent> =>
      parseTraceparent((side.received.at(-1) as Received).headers['traceparent'])
    const lastDecision = async () => (await bed.records('decisions')).at(-1)
    const spansOf = async (traceId: string | undefined, count: number): Promise<CollectedSpan[]> => {
      const found = () => collector.spans.filter((span) => span.traceId === traceId)
      await until(() => found().length >= count)
      return found()
    }

    test('an incoming trace continues under a span of the gateway, and the log names it', async () => {
      await ask('/oauth/authorize?client_id=moved', { headers: { traceparent: GIVEN, tracestate: 'a=b' } })
      const context = contextAt(iam)
      assert.equal(context?.traceId, TRACE)
      assert.notEqual(context?.spanId, parseTraceparent(GIVEN)?.spanId)
      assert.equal(iam.received.at(-1)?.headers['tracestate'], 'a=b')
      assert.equal((await lastDecision())?.['trace_id'], TRACE)
      const spans = await spansOf(TRACE, 2)
      const server = spans.find((span) => span.kind === 2)
      const call = spans.find((span) => span.kind === 3)
      assert.equal(server?.parentSpanId, parseTraceparent(GIVEN)?.spanId)
      assert.deepEqual([call?.parentSpanId, call?.spanId], [server?.spanId, context?.spanId])
      assert.deepEqual(
        [server?.name, server?.named['handover.reason'], server?.named['handover.application_id']],
        ['GET authorize', 'flag_enabled', '1'],
      )
    })

    test('each attempt has its own span, and a failed one is marked as failed', async () => {
      iam.answer = (_request, response) => void response.writeHead(500).end()
      await ask('/oauth/authorize?client_id=moved')
      const tried = contextAt(iam)
      const fellBack = contextAt(legacy)
      assert.equal(tried?.traceId, fellBack?.traceId)
      assert.notEqual(tried?.spanId, fellBack?.spanId)
      const spans = await spansOf(tried?.traceId, 3)
      const statusOf = (spanId: string | undefined) => spans.find((span) => span.spanId === spanId)?.status
      assert.deepEqual([statusOf(tried?.spanId), statusOf(fellBack?.spanId)], [{ code: 2 }, {}])
    })

    test('when both sides are queried, both calls are in the same trace', async () => {
      await post('/oauth/introspect', 'token=nobodys&client_id=staying')
      await until(() => contextAt(iam)?.traceId === contextAt(legacy)?.traceId)
      assert.notEqual(contextAt(iam)?.spanId, contextAt(legacy)?.spanId)
    })

    test('the pages of a browser are one trace until its flow ends, through a cookie that no side sees', async () => {
      legacy.answer = (_request, response) => void response.writeHead(302, { Location: '/users/sign_in' }).end()
      const first = await ask('/oauth/authorize?client_id=staying&redirect_uri=https://app.test/cb&state=1')
      const flow = contextAt(legacy)
      const set = first.headers.getSetCookie().find((one) => one.startsWith('_handover_trace='))
      assert.match(set ?? '', /; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/)
      const cookie = `${set?.split(';', 1)[0]}; _session=1`
      await ask('/users/sign_in', { headers: { cookie } })
      assert.equal(contextAt(legacy)?.traceId, flow?.traceId)
      assert.equal(legacy.received.at(-1)?.headers.cookie, '_session=1')
      const code = 'the-planted-code'
      legacy.answer = (_request, response) =>
        void response.writeHead(302, { Location: `https://app.test/cb?code=${code}` }).end()
      const last = await ask('/oauth/authorize?client_id=staying', { headers: { cookie } })
      assert.equal((await lastDecision())?.['trace_id'], flow?.traceId)
      assert.ok(last.headers.getSetCookie().some((one) => /^_handover_trace=; Path=\/; Max-Age=0;/.test(one)))

      legacy.answer = plain
      await post('/oauth/token', `grant_type=authorization_code&code=${code}&client_id=staying`)
      const token = contextAt(legacy)
      const moment = (await spansOf(token?.traceId, 3)).find((span) => span.name === 'code issued')
      assert.equal(moment?.links?.[0]?.traceId, flow?.traceId)
      const pointing = (await spansOf(flow?.traceId, 6)).find((span) => span.links?.[0]?.traceId === token?.traceId)
      assert.equal(pointing?.links?.[0]?.spanId, moment?.spanId)
      assert.ok(!JSON.stringify(collector.spans).includes(code))
    })

    test('the call of the routing endpoint is in the trace too', async () => {
      const control = await bed.side('control')
      control.answer = (_request, response) => {
        response.setHeader('Content-Type', 'application/vnd.gitlab-workhorse+json')
        response.end('{"destination":"iam"}')
      }
      const tracing = { mode: 'continue', samplePercent: 100, endpoint: undefined, service: 'x' } as const
      const source = { kind: 'endpoint', url: control.url, secret: Buffer.alloc(32) } as const
      const asking = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, tracing, source, fastPath })
      await ask('/oauth/authorize?client_id=moved', { headers: { traceparent: GIVEN } }, asking)
      assert.deepEqual([contextAt(control)?.traceId, contextAt(iam)?.traceId], [TRACE, TRACE])
    })

    test('an untrusted client can neither inject a malformed trace nor decide what is sampled', async () => {
      const forged = `_handover_trace=${'x'.repeat(300)}`
      await ask('/oauth/authorize?client_id=moved', { headers: { traceparent: `${GIVEN}x`, cookie: forged } })
      assert.notEqual(contextAt(iam)?.traceId, TRACE)
      assert.ok(contextAt(iam))
    })

    test('when traces are only continued, none begins here', async () => {
      await ask('/oauth/authorize?client_id=moved', {}, joining)
      assert.equal(iam.received.at(-1)?.headers['traceparent'], undefined)
      assert.equal((await lastDecision())?.['trace_id'], undefined)
      await ask('/oauth/authorize?client_id=moved', { headers: { traceparent: GIVEN } }, joining)
      assert.equal(contextAt(iam)?.traceId, TRACE)
    })

    test('without tracing, the header passes unchanged', async () => {
      await ask('/oauth/authorize?client_id=moved', { headers: { traceparent: 'Whatever It-Is' } }, quiet)
      assert.equal(iam.received.at(-1)?.headers['traceparent'], 'Whatever It-Is')
    })

    test('the collector receives valid documents', () => assert.deepEqual(collector.faults, []))
  })
}
