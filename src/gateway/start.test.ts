import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { ListenError } from '../http/index.ts'
import { Bed, deadUrl, exchangeBytes, until } from './testing/test-bed.ts'

let bed: Bed
before(async () => {
  bed = await Bed.make()
})
after(() => bed.end())

const ADMIN = { host: '127.0.0.1', port: 0 }

describe('a gateway that stops', () => {
  test('lets requests in flight finish, accepts no new ones, and reports that it drains', async () => {
    const { legacy, gateway } = await bed.whole({ adminListen: ADMIN, limits: { drainMs: 5_000 } })
    let finish: (() => void) | undefined
    legacy.answer = (request, response) => {
      if (request.url === '/slow') finish = () => void response.end('done')
      else response.end()
    }
    const sent = get(`${gateway.url}/slow`)
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>
    await until(() => finish !== undefined)
    const closed = gateway.close()
    const readiness = await fetch(`${gateway.adminUrl}/readyz`)
    assert.deepEqual([readiness.status, ((await readiness.json()) as { status: string }).status], [503, 'draining'])
    // Requests that arrive before the listener closes are answered.
    const isTaken = () => fetch(gateway.url).then(({ status }) => status === 200)
    await assert.rejects(async () => {
      while (await isTaken());
    })
    finish?.()
    const [answer] = await answered
    assert.equal(answer.headers.connection, 'close')
    const [text] = (await once(answer, 'data')) as [Buffer]
    assert.equal(text.toString(), 'done')
    await closed
  })

  test('cuts unfinished requests when its time limit has passed', async () => {
    const { legacy, gateway } = await bed.whole({ limits: { drainMs: 50 } })
    legacy.answer = () => {}
    const sent = get(`${gateway.url}/for-ever`)
    const failed = once(sent, 'error')
    await until(() => legacy.received.length === 1)
    await gateway.close()
    await failed
  })

  test('does not wait for an idle connection or an open tunnel', async () => {
    const { legacy, gateway } = await bed.whole({ limits: { drainMs: 60_000 } })
    legacy.server.on('upgrade', (_message, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.on('error', () => {}).on('end', () => socket.end())
    })
    const idle = connect(gateway.address.port, '127.0.0.1').on('error', () => {})
    const tunnelled = connect(gateway.address.port, '127.0.0.1').on('error', () => {})
    tunnelled.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    await once(tunnelled, 'data')
    await gateway.close()
    idle.destroy()
    tunnelled.destroy()
  })

  test('may be stopped twice', async () => {
    const { gateway } = await bed.whole()
    await Promise.all([gateway.close(), gateway.close()])
  })
})

test('an address in use causes one clear error, and nothing is left running', async () => {
  const { legacy, gateway } = await bed.whole()
  await assert.rejects(bed.gateway({ legacyUrl: legacy.url, listen: gateway.address }), (error: unknown) => {
    return error instanceof ListenError && /the port is in use/.test(error.message)
  })
  await assert.rejects(bed.gateway({ legacyUrl: legacy.url, listen: ADMIN, adminListen: gateway.address }), ListenError)
})

describe('test controls', () => {
  test('go to both sides, and return 204 only if both succeed', async () => {
    const { legacy, iam, gateway } = await bed.whole({ testControls: true })
    const post = () => fetch(`${gateway.url}/__lab/advance?seconds=5`, { method: 'POST' })
    legacy.answer = (_request, response) => void response.writeHead(204).end()
    iam.answer = legacy.answer
    assert.equal((await post()).status, 204)
    for (const side of [legacy, iam]) {
      assert.deepEqual([side.received[0]?.method, side.received[0]?.url], ['POST', '/__lab/advance?seconds=5'])
    }
    iam.answer = (_request, response) => void response.writeHead(404).end()
    const answer = await post()
    assert.deepEqual([answer.status, await answer.text()], [502, 'legacy: 204\niam: 404\n'])
  })

  test('are ordinary requests without the option', async () => {
    const { legacy, iam, gateway } = await bed.whole()
    await (await fetch(`${gateway.url}/__lab/reset`, { method: 'POST' })).text()
    assert.deepEqual([legacy.received.length, iam.received.length], [1, 0])
  })
})

test('a relative URL root is removed before an endpoint is matched, and for IAM', async () => {
  const { legacy, iam, gateway } = await bed.whole({ relativeUrlRoot: '/gitlab' })
  await (await fetch(`${gateway.url}/gitlab/oauth/authorize?client_id=moved`)).text()
  await (await fetch(`${gateway.url}/gitlab/oauth/authorize?client_id=staying`)).text()
  await (await fetch(`${gateway.url}/oauth/authorize?client_id=moved`)).text()
  assert.deepEqual(
    iam.received.map((request) => request.url),
    ['/oauth/authorize?client_id=moved'],
  )
  assert.equal(legacy.received[0]?.url, '/gitlab/oauth/authorize?client_id=staying')
})

test('a flood of malformed input does not bring it down', async () => {
  const { gateway } = await bed.whole({ limits: { requestHeadMs: 200 } })
  const rubbish = [
    '\0',
    '\r\n\r\n\r\n',
    'GET',
    '\x16\x03\x01\x02\x00\x01',
    'GET / HTTP/1.1\r\nHost: a\r\nX',
    `${'A'.repeat(70_000)}`,
  ]
  for (let round = 0; round < 5; round++) {
    await Promise.all(rubbish.map((bytes) => exchangeBytes(gateway.url, bytes, 50)))
  }
  assert.equal((await fetch(gateway.url)).status, 200)
})

test('upstream heads that cannot be forwarded cause a bad gateway error, not a crash', async () => {
  for (const head of [
    'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n',
    'HTTP/1.1 99 Low\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
    `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70_000)}\r\n\r\n`,
  ]) {
    const legacyUrl = await bed.rawSide((socket) => void socket.on('data', () => socket.end(head)))
    const gateway = await bed.gateway({ legacyUrl })
    const answer = await fetch(gateway.url, { method: 'POST', body: 'a' })
    assert.equal(answer.status, 502, JSON.stringify(head.slice(0, 40)))
    await answer.text()
  }
  const gateway = await bed.gateway({ legacyUrl: await deadUrl() })
  assert.equal((await fetch(gateway.url)).status, 502)
})
