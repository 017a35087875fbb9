import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type ApplicationRow, ROUTING_FLAG } from '../../../routing/index.ts'
import type { RunningGateway } from '../../start.ts'
import {
  Bed,
  FORM,
  ndjson,
  type Received,
  replaceFile,
  type Side,
  snapshotLines,
  until,
} from '../../testing/test-bed.ts'

const ROWS: readonly ApplicationRow[] = [1, 2, 3, 4, 5, 6].map((id) => [id, `client-${id}`, 1])
const PROBES = '/readyz'
/** The first probe after opening runs early, so that tests need not wait. */
const breaker = { openMs: 100, openMaxMs: 200 }
/** For tests that inspect an open circuit, however slow the machine is. */
const STAYS_OPEN = { openMs: 60_000, openMaxMs: 60_000 }

interface Stage {
  readonly iam: Side
  readonly gateway: RunningGateway
  /** Begins a flow; returns the reason of the decision. */
  authorize(client: number | string, network: string, extra?: string): Promise<unknown>
  gauges(): Promise<{ all: string | undefined; application: string | undefined; caller: string | undefined }>
  probes(): number
}

for (const fastPath of [true, false]) {
  describe(`the circuit of IAM ${fastPath ? 'with' : 'without'} the fast path`, () => {
    let bed: Bed
    before(async () => {
      bed = await Bed.make()
    })
    after(() => bed.end())

    async function stage(settings: { breaker?: object; iamProbePath?: string } = {}): Promise<Stage> {
      const { iam, gateway } = await bed.whole({
        ...{ breaker, fastPath, adminListen: { host: '127.0.0.1', port: 0 }, trustedProxies: ['127.0.0.1'] },
        source: { kind: 'file', path: await snapshotFile(bed), environment: 'production' },
        limits: { iamHeadersMs: 300, probeMs: 300 },
        ...settings,
      })
      const metric = (text: string, name: string) => new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]
      return {
        iam,
        gateway,
        async authorize(client, network, extra = '') {
          const id = `${bed.lines.length}-${Math.random()}`
          const clientId = typeof client === 'number' ? `client-${client}` : client
          const headers = { 'x-forwarded-for': network, 'x-request-id': id }
          const answer = await fetch(`${gateway.url}/oauth/authorize?client_id=${clientId}${extra}`, { headers })
          await answer.text()
          assert.equal(answer.status, 200, 'whatever IAM does, a new flow is answered')
          return (await bed.records('decisions')).find((record) => record['correlation_id'] === id)?.['reason']
        },
        async gauges() {
          const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
          return {
            all: metric(text, 'handover_gateway_iam_circuit_open'),
            application: metric(text, 'handover_gateway_own_circuits_open\\{scope="application"\\}'),
            caller: metric(text, 'handover_gateway_own_circuits_open\\{scope="caller"\\}'),
          }
        },
        probes: () => iam.received.filter(({ url }) => url === PROBES).length,
      }
    }

    /** IAM responds 500 to the requests that `isBad` selects, but not to a probe. */
    const failsFor = (side: Side, isBad: (request: Received) => boolean) => {
      const healthy = side.answer
      side.answer = (request, response, message) => {
        if (request.url !== PROBES && isBad(request)) response.writeHead(500).end()
        else healthy(request, response, message)
      }
      return () => {
        side.answer = healthy
      }
    }

    test('stays closed for everyone while an unknown client makes IAM fail under any number of names', async () => {
      const { iam, authorize, gauges } = await stage()
      failsFor(iam, ({ url }) => url.includes('evil=1'))
      for (let round = 0; round < 3; round++) {
        for (const id of [1, 2, 3, 4, 5, 6]) await authorize(id, '203.0.113.9', '&evil=1')
      }
      for (let round = 0; round < 6; round++) await authorize('nobody-knows-me', '203.0.113.9', '&evil=1')
      assert.equal((await gauges()).all, '0')
      assert.equal((await gauges()).application, '0')
      for (const id of [1, 2, 3, 4, 5, 6]) assert.equal(await authorize(id, '198.51.100.7'), 'flag_enabled')
    })

    test('stays closed for everyone while callers from many networks find one application broken', async () => {
      const { iam, gateway, authorize, gauges } = await stage({ breaker: STAYS_OPEN })
      failsFor(iam, ({ url }) => url.includes('client-1'))
      for (let at = 1; at <= 5; at++) assert.equal(await authorize(1, `203.0.113.${at}`), 'iam_failed_over')
      assert.equal(await authorize(1, '198.51.100.7'), 'iam_unavailable')
      assert.deepEqual(await gauges(), { all: '0', application: '1', caller: '0' })
      const ready = (await (await fetch(`${gateway.adminUrl}/readyz`)).json()) as Record<string, unknown>
      assert.deepEqual([ready['iam_circuit'], ready['application_circuits_open']], ['closed', [1]])
      assert.equal(await authorize(2, '198.51.100.7'), 'flag_enabled')
    })

    test('of one application closes once it works again', async () => {
      const { iam, authorize, gauges } = await stage()
      const mend = failsFor(iam, ({ url }) => url.includes('client-1'))
      for (let at = 1; at <= 5; at++) await authorize(1, `203.0.113.${at}`)
      mend()
      await until(async () => (await authorize(1, '198.51.100.7')) === 'flag_enabled')
      assert.equal((await gauges()).application, '0')
      assert.ok((await bed.records()).some(({ msg }) => msg === 'circuit of one application closed'))
    })

    test('sends a caller with failing requests to legacy, but not other users of the application', async () => {
      const { iam, authorize, gauges } = await stage({ breaker: STAYS_OPEN })
      failsFor(iam, ({ url }) => url.includes('evil=1'))
      for (let at = 0; at < 5; at++) assert.equal(await authorize(1, '203.0.113.9', '&evil=1'), 'iam_failed_over')
      assert.equal(await authorize(1, '203.0.113.9'), 'iam_unavailable')
      assert.equal(await authorize(1, '198.51.100.7'), 'flag_enabled')
      assert.deepEqual(await gauges(), { all: '0', application: '0', caller: '1' })
    })

    test('stays closed while a request hangs at IAM, from any sender', async () => {
      const { iam, authorize, gauges, probes } = await stage()
      const healthy = iam.answer
      iam.answer = (request, response, message) => {
        if (!request.url.includes('evil=1')) healthy(request, response, message)
      }
      await Promise.all([1, 2, 3, 4, 5, 6].map((id) => authorize(id, '203.0.113.9', '&evil=1')))
      await until(() => probes() > 0)
      assert.equal(await authorize(1, '198.51.100.7'), 'flag_enabled')
      assert.equal((await gauges()).all, '0')
    })

    test('opens when several applications fail for callers of several networks', async () => {
      const { iam, authorize, gauges } = await stage({ breaker: STAYS_OPEN })
      failsFor(iam, () => true)
      for (const id of [1, 2, 3, 4, 5]) await authorize(id, `203.0.113.${id}`)
      assert.equal((await gauges()).all, '1')
      assert.equal(await authorize(6, '198.51.100.7'), 'iam_unavailable')
    })

    for (const [how, fault] of [
      ['answers with server errors', (response: Parameters<Side['answer']>[1]) => void response.writeHead(503).end()],
      ['hangs', () => {}],
      ['cuts its connections', (response: Parameters<Side['answer']>[1]) => void response.destroy()],
    ] as const) {
      test(`opens for one caller's failures when IAM ${how} and a probe fails too; closes without traffic`, async () => {
        const { iam, authorize, gauges } = await stage()
        const healthy = iam.answer
        iam.answer = (_request, response) => fault(response)
        await Promise.all([1, 2, 3, 4, 5, 6].map((id) => authorize(id, '203.0.113.9')))
        await until(async () => (await gauges()).all === '1')
        assert.equal(await authorize(1, '198.51.100.7'), 'iam_unavailable')
        const requests = () => iam.received.filter(({ url }) => url !== PROBES).length
        const before = requests()
        iam.answer = healthy
        await until(async () => (await gauges()).all === '0')
        assert.equal(requests(), before, 'no request of a client was needed')
        assert.deepEqual(await gauges(), { all: '0', application: '0', caller: '0' })
        assert.equal(await authorize(1, '203.0.113.9'), 'flag_enabled')
      })
    }

    test('counts an IAM that responds 404 to the probe path as up', async () => {
      const { iam, authorize, gauges } = await stage()
      const healthy = iam.answer
      let isDown = true
      iam.answer = (request, response, message) => {
        if (isDown) response.writeHead(502).end()
        else if (request.url === PROBES) response.writeHead(404).end('no such page')
        else healthy(request, response, message)
      }
      await Promise.all([1, 2, 3, 4, 5, 6].map((id) => authorize(id, '203.0.113.9')))
      await until(async () => (await gauges()).all === '1')
      isDown = false
      await until(async () => (await gauges()).all === '0')
    })

    test('is probed at the configured path', async () => {
      const { iam, authorize, probes } = await stage({ iamProbePath: '/health/live?deep=no' })
      const healthy = iam.answer
      iam.answer = (request, response, message) => {
        if (request.url.startsWith('/oauth/')) response.writeHead(500).end()
        else healthy(request, response, message)
      }
      for (let at = 0; at < 5; at++) await authorize(1, '203.0.113.9')
      await until(() => iam.received.some(({ url }) => url === '/health/live?deep=no'))
      assert.equal(probes(), 0)
    })

    test('does not open for others because of requests with IAM credentials or clients that disconnect', async () => {
      const { iam, gateway, authorize, gauges } = await stage()
      failsFor(iam, ({ url }) => url.includes('/oauth/token'))
      for (let at = 0; at < 12; at++) {
        const body = `grant_type=refresh_token&refresh_token=gliamrt-made-up-${at}`
        const headers = { ...FORM, 'x-forwarded-for': `203.0.113.${at}` }
        const answer = await fetch(`${gateway.url}/oauth/token`, { method: 'POST', body, headers })
        assert.equal(answer.status, 503)
        await answer.text()
      }
      assert.equal((await gauges()).all, '0')
      assert.equal(await authorize(1, '198.51.100.7'), 'flag_enabled')
    })
  })
}

async function snapshotFile(bed: Bed): Promise<string> {
  const path = `${bed.directory}/six-applications.ndjson`
  const [begin, ...rest] = snapshotLines({ rows: ROWS })
  assert.ok(begin?.type === 'begin')
  const gates = { boolean: true, actors: [], percentage_of_actors: 0, opted_out: [] }
  await replaceFile(path, ndjson([{ ...begin, flags: { ...begin.flags, [ROUTING_FLAG]: gates } }, ...rest]))
  return path
}
