import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../../test/support/wait.ts'
import { drainServer } from './drain.ts'
import { bodyEndOf } from './message-end.ts'
import { NodeConnections } from './node-connections.ts'
import { ReadAheadBudget } from './read-ahead.ts'
import { refuseMalformed } from './refuse-malformed.ts'

const ends: Array<() => unknown> = []
after(async () => {
  for (const end of ends) await end()
})

async function serving(listener: RequestListener, budget = new ReadAheadBudget()) {
  const server = createServer(listener)
  server.on('clientError', refuseMalformed)
  const connections = new NodeConnections(server, budget)
  server.on('connection', (socket) => connections.take(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => drainServer(server, [connections], { graceMs: 0, idleMs: 0 }))
  return { port: (server.address() as AddressInfo).port, server, connections }
}

function open(port: number) {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  const seen = { text: '', isEnded: false, error: '' }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    seen.text += text
  })
  socket.on('end', () => {
    seen.isEnded = true
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? error.message
  })
  ends.push(() => socket.destroy())
  return { socket, seen, write: (text: string) => socket.write(text, 'latin1') }
}

const GET = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const POST = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))

/** Responds shortly after the body has arrived, and counts concurrent requests. */
function counting() {
  const seen = { now: 0, most: 0, urls: [] as string[] }
  const listener: RequestListener = (message, response) => {
    seen.urls.push(message.url ?? '')
    seen.most = Math.max(seen.most, ++seen.now)
    message.resume().on('end', () => {
      setImmediate(() => {
        seen.now--
        response.end('ok')
      })
    })
  }
  return { seen, listener }
}

describe('requests of one connection', () => {
  test('are handled one at a time, however many are sent at once', async () => {
    const { seen, listener } = counting()
    const { port } = await serving(listener)
    const client = open(port)
    const many = 3_000
    const chunked = 'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n'
    client.write(GET('/').repeat(many) + POST('/b', 'x'.repeat(70_000)) + chunked.repeat(3) + GET('/last'))
    await eventually('all are answered', () => statuses(client.seen.text).length === many + 5)
    assert.deepEqual([seen.most, seen.urls.at(-1), new Set(statuses(client.seen.text)).size], [1, '/last', 1])
  })

  test('are handled one at a time even if each byte arrives separately', async () => {
    const { seen, listener } = counting()
    const { port } = await serving(listener)
    const client = open(port)
    for (const byte of POST('/a', 'b=c') + GET('/d')) {
      client.write(byte)
      await sleep(1)
    }
    await eventually('both are answered', () => statuses(client.seen.text).length === 2)
    assert.deepEqual(seen, { now: 0, most: 1, urls: ['/a', '/d'] })
  })

  test('after one that is answered with Connection: close are not executed', async () => {
    const urls: string[] = []
    const { port } = await serving((message, response) => {
      urls.push(message.url ?? '')
      if (message.url === '/refused') response.shouldKeepAlive = false
      response.end()
    })
    const client = open(port)
    client.write(GET('/a') + POST('/refused', 'x'.repeat(10)) + GET('/b').repeat(5))
    await eventually('it ends', () => client.seen.isEnded)
    assert.deepEqual(
      [urls, statuses(client.seen.text)],
      [
        ['/a', '/refused'],
        [200, 200],
      ],
    )
  })

  test('are answered even if stray bytes follow; the stray bytes are refused afterwards', async () => {
    const gate = Promise.withResolvers<void>()
    const { port } = await serving(async (message, response) => {
      message.resume()
      await gate.promise
      response.end('ok')
    })
    const client = open(port)
    client.write(`${POST('/a', 'b=c')}\0`)
    await sleep(30)
    assert.equal(client.seen.text, '')
    gate.resolve()
    await eventually('it ends', () => client.seen.isEnded)
    assert.deepEqual(statuses(client.seen.text), [200, 400])
  })

  test('that are pipelined are held within a budget; beyond it the connection closes after the current response', async () => {
    const gate = Promise.withResolvers<void>()
    const urls: string[] = []
    const { port } = await serving(async (message, response) => {
      urls.push(message.url ?? '')
      await gate.promise
      response.end()
    }, new ReadAheadBudget(100))
    const client = open(port)
    client.write(GET('/a') + GET('/b').repeat(20))
    await eventually('the first has come', () => urls.length === 1)
    gate.resolve()
    await eventually('it ends', () => client.seen.isEnded)
    assert.deepEqual([urls, statuses(client.seen.text)], [['/a'], [200]])
    assert.match(client.seen.text, /\r\nConnection: close\r\n/)
  })
})

describe('a client that has ended its side', () => {
  test('gets the responses to all its requests, and then the end', async () => {
    const { port } = await serving((message, response) => {
      setTimeout(() => response.end(message.url), 30)
    })
    const client = open(port)
    client.socket.end(GET('/a') + GET('/b'))
    await eventually('it ends', () => client.seen.isEnded)
    assert.deepEqual(statuses(client.seen.text), [200, 200])
    assert.ok(client.seen.text.endsWith('/b'))
  })

  test('in mid-request is answered as malformed', async () => {
    for (const cut of [GET('/a').slice(0, -3), POST('/a', 'body').slice(0, -2)]) {
      const { port } = await serving((message, response) => void message.resume().on('end', () => response.end()))
      const client = open(port)
      client.socket.end(cut)
      await eventually('it ends', () => client.seen.isEnded)
      assert.deepEqual(statuses(client.seen.text), [400])
    }
  })
})

test('a server that stops keeps a connection without a request longer than one that has carried some', async () => {
  const { server, connections, port } = await serving((_message, response) => response.end('ok'))
  const [used, unused] = [open(port), open(port)]
  used.write(GET('/'))
  await eventually('it is answered', () => statuses(used.seen.text).length === 1)
  const accepted = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
  await eventually('both are accepted', async () => (await accepted()) === 2)
  const drained = drainServer(server, [connections], { graceMs: 60_000, idleMs: 0, unusedMs: 60_000 })
  await eventually('the used one ends', () => used.seen.isEnded)
  unused.write(GET('/late'))
  await eventually('the other is answered, and then ends', () => unused.seen.isEnded)
  assert.deepEqual(statuses(unused.seen.text), [200])
  used.socket.end()
  unused.socket.end()
  await drained
})

test('a response to an upload that is refused before its end always reaches the client', async () => {
  const { port } = await serving((_message, response) => {
    response.shouldKeepAlive = false
    response.writeHead(413).end('too large')
  })
  for (let count = 0; count < 30; count++) {
    const client = open(port)
    client.write(`POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${8 << 20}\r\n\r\n`)
    // Behaves like a client that reads only after it has sent everything.
    client.socket.pause()
    for (let piece = 0; piece < 64 && !client.seen.error; piece++) {
      client.write('x'.repeat(64 << 10))
      await new Promise((resolve) => setImmediate(resolve))
    }
    client.socket.resume()
    await eventually('it is told', () => client.seen.isEnded || client.seen.error !== '')
    assert.deepEqual([statuses(client.seen.text), client.seen.error], [[413], ''])
    client.socket.destroy()
  }
})

describe('the end of a body', () => {
  const chunked = '3\r\nabc\r\n5;a=b\r\n\r\n\r\n0\r\n0\r\nTrailer: x\r\n\r\n'
  for (const [name, headers, body] of [
    ['by its length', { 'content-length': '7' }, '1234567'],
    ['by its last chunk', { 'transfer-encoding': 'chunked' }, chunked],
  ] as const) {
    test(`${name} is found in pieces of any size`, () => {
      for (let size = 1; size <= body.length; size++) {
        const end = bodyEndOf({ headers })
        const bytes = Buffer.from(`${body}GET / HTTP/1.1`)
        let at = 0
        while (end && !end.isDone && at < bytes.length) at += end.take(bytes.subarray(at, at + size))
        assert.equal(at, body.length)
      }
    })
  }
  test('does not exist for a request without a body', () => {
    assert.equal(bodyEndOf({ headers: {} }), undefined)
    assert.equal(bodyEndOf({ headers: { 'content-length': '0' } }), undefined)
  })
})
