import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, type ClientRequest, get, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { assertPublished, markdownTable } from '../../../test/support/fault-document.ts'
import type { GatewayLimits } from '../settings.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, type Side, until } from '../testing/test-bed.ts'

let bed: Bed
before(async () => {
  bed = await Bed.make()
})
after(() => bed.end())

const ADMIN = { host: '127.0.0.1', port: 0 }
const LONG_MS = 60_000

interface Rig {
  readonly legacy: Side
  readonly iam: Side
  readonly gateway: RunningGateway
  /** Responses that a side holds back. */
  readonly held: ServerResponse[]
  metric(name: string, labels: string): Promise<number>
  token(parameters: string): Promise<Response>
}

/** Resets the connection: a client that only ends its side still gets its response. */
function reset(sent: ClientRequest): void {
  if (sent.socket?.connecting === false) sent.socket.resetAndDestroy()
  else sent.destroy()
}

for (const fastPath of [true, false]) {
  describe(`connections to the upstreams ${fastPath ? 'with' : 'without'} the fast path`, () => {
    /** Sides that hold every response back, behind a gateway with four connections to each. */
    const start = async (limits: Partial<GatewayLimits>): Promise<Rig> => {
      const { legacy, iam, gateway } = await bed.whole({
        ...{ adminListen: ADMIN, fastPath },
        limits: { maxConnections: 4, queueMs: LONG_MS, iamNewFlowMs: LONG_MS, iamHeadersMs: LONG_MS, ...limits },
      })
      const held: ServerResponse[] = []
      for (const side of [legacy, iam]) side.answer = (_request, response) => void held.push(response)
      const metric = async (name: string, labels: string) => {
        const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
        return Number(new RegExp(`^handover_gateway_upstream_${name}\\{${labels}\\} (\\S+)$`, 'm').exec(text)?.[1])
      }
      const token = (parameters: string) =>
        fetch(`${gateway.url}/oauth/token`, { method: 'POST', headers: FORM, body: parameters })
      return { legacy, iam, gateway, held, metric, token }
    }
    const release = (held: ServerResponse[]) => {
      for (const response of held.splice(0)) response.setHeader('Content-Type', 'application/json').end('{}')
    }
    const STAYING = 'grant_type=client_credentials&client_id=staying'
    const MOVED = 'grant_type=client_credentials&client_id=moved'
    const OAUTH = 'upstream="rails",traffic="oauth"'

    test('are bounded: further requests wait for their turn, and all are answered', async () => {
      const { legacy, held, metric, token } = await start({})
      const answers = Promise.all(Array.from({ length: 8 }, () => token(STAYING)))
      await until(async () => (await metric('queued', OAUTH)) === 5)
      assert.deepEqual([legacy.received.length, await metric('connections', OAUTH)], [3, 3])
      let isDone = false
      const statuses = answers.then((all) => {
        isDone = true
        return all.map(({ status }) => status)
      })
      await until(() => {
        assert.ok(held.length <= 3)
        release(held)
        return isDone
      })
      assert.deepEqual(await statuses, Array(8).fill(200))
      assert.deepEqual([await metric('queued', OAUTH), await metric('connections', OAUTH)], [0, 0])
    })

    test('that do not become free in time cause a 503 with Retry-After, as OAuth JSON on OAuth paths', async () => {
      const { legacy, gateway, held, metric, token } = await start({ queueMs: 50 })
      const busy = Promise.all([token(STAYING), token(STAYING), token(STAYING)])
      await until(() => held.length === 3)
      const late = await token(STAYING)
      assert.deepEqual([late.status, late.headers.get('retry-after')], [503, '5'])
      assert.equal(((await late.json()) as { error: string }).error, 'temporarily_unavailable')
      const page = fetch(`${gateway.url}/page`)
      await until(() => held.length === 4)
      const other = await fetch(`${gateway.url}/page`)
      assert.deepEqual([other.status, other.headers.get('content-type')], [503, 'text/plain; charset=utf-8'])
      assert.equal(legacy.received.length, 4)
      assert.equal(await metric('queue_refusals_total', `${OAUTH},why="timeout"`), 1)
      release(held)
      assert.deepEqual(
        [...(await busy), await page].map(({ status }) => status),
        Array(4).fill(200),
      )
    })

    test('are refused at once when the queue is full', async () => {
      const { held, metric, token } = await start({ queueLength: 0 })
      const busy = Promise.all([token(STAYING), token(STAYING), token(STAYING)])
      await until(() => held.length === 3)
      assert.equal((await token(STAYING)).status, 503)
      assert.equal(await metric('queue_refusals_total', `${OAUTH},why="full"`), 1)
      release(held)
      await busy
    })

    test('to IAM, when all in use, send a new flow to legacy, fail an IAM credential, and count as no failure of IAM', async () => {
      const { legacy, iam, gateway, held, token } = await start({ queueMs: 50 })
      const busy = Promise.all(Array.from({ length: 4 }, () => token(MOVED)))
      await until(() => held.length === 4)
      legacy.answer = (_request, response) => void response.end('{}')
      assert.equal((await token(MOVED)).status, 200)
      const refused = await token('grant_type=refresh_token&refresh_token=gliamrt-abcdefghijklmnop&client_id=moved')
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5'])
      assert.equal(((await refused.json()) as { error: string }).error, 'temporarily_unavailable')
      assert.deepEqual([legacy.received.length, iam.received.length], [1, 4])
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
      assert.match(metrics, /^handover_gateway_iam_circuit_open 0$/m)
      assert.match(metrics, /reason="iam_failed_over",code="200"\} 1$/m)
      release(held)
      await busy
    })

    test('that are all in use have the effects that the fault matrix shows', async () => {
      const rows: string[][] = []
      for (const busySide of ['iam', 'legacy'] as const) {
        const rig = await start({ queueMs: 50 })
        const busy = Promise.all(Array.from({ length: 4 }, () => rig.token(busySide === 'iam' ? MOVED : STAYING)))
        // Of the connections to legacy, one is reserved for other traffic.
        await until(() => rig.held.length === (busySide === 'iam' ? 4 : 3))
        const free = busySide === 'iam' ? rig.legacy : rig.iam
        free.answer = (_request, response) => void response.end('{}')
        const refresh = 'grant_type=refresh_token&client_id=moved&refresh_token=gliamrt-abcdefghijklmnop'
        const seen = [await rig.token(MOVED), await rig.token(refresh), await rig.token(STAYING)]
        const by = free === rig.iam ? 'iam' : 'legacy'
        const cells = seen.map(({ status, headers }) =>
          status === 200 ? `200 by ${by}` : `${status}${headers.has('retry-after') ? ', Retry-After' : ''}`,
        )
        rows.push([busySide === 'iam' ? 'to IAM' : 'to legacy, for OAuth', ...cells])
        release(rig.held)
        await busy
      }
      const heads = [
        'All connections',
        'new flow of a moved client',
        'refresh token of IAM',
        'new flow of another client',
      ]
      assertPublished(
        'All connections to an upstream are in use',
        `By \`src/gateway/upstream/connections.test.ts\`: the upstream holds every answer back, and a request waits for a connection for
\`upstream_queue_ms\` at most (ADR 25). IAM's circuit counts none of this.

${markdownTable(heads, rows)}`,
      )
    })

    test('are reserved for OAuth during many long streams, and for pages during many token requests', async () => {
      const { legacy, gateway, held, metric, token } = await start({ queueMs: LONG_MS })
      const agent = new Agent({ keepAlive: false })
      const streams = Array.from({ length: 12 }, () => get(`${gateway.url}/stream`, { agent }).on('error', () => {}))
      legacy.answer = (request, response) => {
        if (request.url === '/stream') response.write('data: 1\n\n')
        else response.end('{}')
      }
      await until(async () => (await metric('queued', 'upstream="rails",traffic="other"')) === 9)
      assert.equal((await token(STAYING)).status, 200)
      for (const stream of streams) reset(stream)
      await until(async () => (await metric('connections', 'upstream="rails",traffic="other"')) === 0)
      legacy.answer = (request, response) => {
        if (request.url === '/oauth/token') held.push(response)
        else response.end('page')
      }
      const tokens = Promise.all(Array.from({ length: 6 }, () => token(STAYING)))
      await until(async () => (await metric('queued', OAUTH)) === 3)
      assert.equal((await fetch(`${gateway.url}/page`)).status, 200)
      legacy.answer = (_request, response) => void response.end('{}')
      release(held)
      await tokens
    })

    test('are counted correctly whenever clients disconnect: queued, connecting, waiting, reading', async () => {
      const { legacy, gateway, held, metric } = await start({})
      legacy.answer = (request, response) => {
        if (request.url.includes('read')) response.write('some')
        else held.push(response)
      }
      for (let round = 0; round < 6; round++) {
        const sent: ClientRequest[] = []
        for (const path of [
          '/read',
          '/wait',
          '/oauth/authorize?client_id=staying&read',
          '/oauth/authorize?client_id=staying',
        ]) {
          for (let i = 0; i < 4; i++) sent.push(get(`${gateway.url}${path}`, { agent: false }).on('error', () => {}))
        }
        if (round % 2 === 1) await until(() => legacy.received.length > round)
        for (const one of sent) {
          reset(one)
          if (round > 3) await new Promise((resolve) => setImmediate(resolve))
        }
      }
      for (const traffic of ['oauth', 'other']) {
        const labels = `upstream="rails",traffic="${traffic}"`
        await until(async () => (await metric('connections', labels)) === 0)
        assert.equal(await metric('queued', labels), 0)
      }
      legacy.answer = (_request, response) => void response.end('ok')
      assert.equal((await fetch(`${gateway.url}/page`)).status, 200)
    })

    test('of WebSockets have a separate limit', async () => {
      const { legacy, gateway, metric } = await start({ maxTunnels: 1 })
      legacy.answer = (_request, response) => void response.end('ok')
      legacy.server.on('upgrade', (_message, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
        socket.on('error', () => {}).on('end', () => socket.end())
      })
      const open = async (): Promise<[Socket, string]> => {
        const socket = connect(gateway.address.port, '127.0.0.1').on('error', () => {})
        socket.write('GET /cable HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
        const [head] = (await once(socket, 'data')) as [Buffer]
        return [socket, head.toString('latin1')]
      }
      const [first, agreed] = await open()
      assert.match(agreed, /^HTTP\/1\.1 101 /)
      assert.match((await open())[1], /^HTTP\/1\.1 503 [\s\S]*Retry-After: 5\r\n/)
      assert.equal(await metric('connections', 'upstream="rails",traffic="websocket"'), 1)
      assert.equal((await fetch(`${gateway.url}/page`)).status, 200)
      first.destroy()
      await until(async () => (await metric('connections', 'upstream="rails",traffic="websocket"')) === 0)
      assert.match((await open())[1], /^HTTP\/1\.1 101 /)
    })
  })
}
