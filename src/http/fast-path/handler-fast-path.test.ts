import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { eventually, WAIT_LIMIT_MS } from '../../../test/support/wait.ts'
import { createLog } from '../../observability/index.ts'
import { drainServer } from '../connections/drain.ts'
import { NodeConnections } from '../connections/node-connections.ts'
import { ReadAheadBudget } from '../connections/read-ahead.ts'
import { refuseMalformed } from '../connections/refuse-malformed.ts'
import { type HttpHandler, type HttpReply, type RunningServer, serve } from '../index.ts'
import { writtenReply } from '../written-reply.ts'
import { HandlerFastPath } from './handler-fast-path.ts'

const running: RunningServer[] = []
const sockets: Socket[] = []
after(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(running.map((server) => server.close(0)))
})

/** A raw connection that collects the received bytes. */
function open(port: number) {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  sockets.push(socket)
  const seen = { text: '', isEnded: false }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    seen.text += text
  })
  socket.on('end', () => {
    seen.isEnded = true
  })
  socket.on('error', () => {})
  return { socket, seen, write: (text: string) => socket.write(text, 'latin1') }
}

async function serving(handler: HttpHandler, lines: string[] = []) {
  const log = createLog('iam', { level: 'info', destination: { write: (line) => void lines.push(line) } })
  const server = await serve({ listen: { host: '127.0.0.1', port: 0 }, log, bodyLimit: 1_000, handler })
  running.push(server)
  return server
}

/** The response to one request on a separate connection, to the last byte, except for the date. */
async function exchange(port: number, request: string): Promise<string> {
  const { socket, seen, write } = open(port)
  write(request)
  await eventually('it is answered whole', () => isWhole(seen.text) || seen.isEnded)
  socket.destroy()
  return seen.text.replace(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r$/m, 'Date: now\r')
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = Number(/^Content-Length: (\d+)/im.exec(text)?.[1] ?? 0)
  return text.length >= end + 4 + length
}

/** The same request twice: plain, and with an extra space in a header, which leaves it to node. */
function twins(line: string, headers: readonly string[], body = ''): [plain: string, odd: string] {
  const length = line.startsWith('POST') ? [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`] : []
  const text = (pad: string) => [`${line} HTTP/1.1`, ...headers, ...length, `X-Pad:${pad}1`, '', body].join('\r\n')
  return [text(' '), text('  ')]
}

describe('a response is identical to the byte on either path', () => {
  const replies: Readonly<Record<string, HttpReply>> = {
    '/text': { status: 200, headers: [['Content-Type', 'text/plain']], body: 'hello' },
    '/unicode': { status: 200, headers: [['Content-Type', 'text/plain; charset=utf-8']], body: 'grüße €' },
    '/bytes': { status: 200, headers: [], body: Buffer.from([0, 255, 128, 10]) },
    '/empty': { status: 200, headers: [], body: '' },
    '/none': { status: 204, headers: [['X', 'y']], body: 'never sent' },
    '/same': { status: 304, headers: [['ETag', '"a"']], body: '' },
    '/odd-status': { status: 299, headers: [], body: 'x' },
    '/cookies': {
      status: 302,
      headers: [
        ['Location', 'https://app.test/?a=b'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2; Path=/'],
      ],
      body: '',
    },
    '/split': { status: 302, headers: [['Location', 'x\r\nSet-Cookie: stolen=1']], body: '' },
  }
  const handler: HttpHandler = async ({ path }) => {
    const reply = replies[path]
    if (!reply) throw new Error('a planted fault')
    return reply
  }

  for (const path of [...Object.keys(replies), '/fault']) {
    for (const line of [`GET ${path}`, `POST ${path}?a`]) {
      for (const connection of [[], ['Connection: close'], ['Connection: keep-alive']]) {
        test(`${line} ${connection}`, async () => {
          const { address } = await serving(handler)
          const [plain, odd] = twins(line, ['Host: a.test', ...connection], 'b=c')
          const answer = await exchange(address.port, plain)
          assert.match(answer, /^HTTP\/1\.1 \d{3} /)
          assert.equal(answer, await exchange(address.port, odd))
        })
      }
    }
  }

  test('an internal error is logged the same, without the query', async () => {
    const lines: string[] = []
    const { address } = await serving(handler, lines)
    for (const request of twins('GET /fault?code=secret', ['Host: a'])) {
      assert.match(await exchange(address.port, request), /^HTTP\/1\.1 500 Internal Server Error\r\n/)
    }
    const [one, two, ...more] = lines.map((line) => JSON.parse(line))
    assert.deepEqual([one.method, one.path, one.msg, more.length], ['GET', '/fault', 'request failed', 0])
    assert.deepEqual([two.method, two.path, two.msg], [one.method, one.path, one.msg])
    assert.ok(!lines.join('').includes('secret'))
  })
})

describe('a handler receives the same request on either path', () => {
  const cases: readonly [name: string, line: string, headers: readonly string[], body?: string][] = [
    ['a query', 'GET /a%20b/?x=%zz&y=1?2', ['Host: a:1']],
    ['an empty query', 'GET /a?', ['Host: a']],
    ['a body of any bytes', 'POST /', ['Host: a'], 'a=\xff\x00\r\n\r\nGET / HTTP/1.1'],
    ['an empty body', 'POST /', ['Host: a']],
    ['spellings', 'GET /', ['hOST: a', 'AUTHORIZATION: Basic YTpi', 'Accept: */*', 'Cookie: a=1; b=2']],
    ['a proxy', 'GET /', ['Host: a', 'X-Forwarded-Proto: https, http', 'X-Forwarded-Host: b.test']],
    ['a header of JavaScript', 'GET /', ['Host: a', 'constructor: x', '__proto__: y', 'toString: z']],
    ['cookies twice', 'GET /', ['Host: a', 'Cookie: a=1', 'Cookie: b=2']],
    ['a header twice', 'GET /', ['Host: a', 'Accept: a', 'accept: b', 'Authorization: a', 'Authorization: b']],
    ['Set-Cookie in a request', 'GET /', ['Host: a', 'Set-Cookie: a=1']],
  ]
  for (const [name, line, headers, body] of cases) {
    test(name, async () => {
      const { address } = await serving(async ({ body: bytes, ...request }) => ({
        ...{ status: 200, headers: [] },
        body: JSON.stringify({ ...request, body: bytes.toString('latin1') }),
      }))
      const [plain, odd] = twins(line, headers, body)
      const answer = await exchange(address.port, plain)
      assert.match(answer, /"remoteAddress":"127.0.0.1"/)
      assert.equal(answer, await exchange(address.port, odd))
    })
  }

  for (const [name, headers, status] of [
    ['no host', [], 400],
    ['two hosts that differ', ['Host: a', 'Host: b'], 400],
    ['a body over the limit', ['Host: a', `X-Long: ${'x'.repeat(500)}`], 413],
  ] as const) {
    test(`${name} is refused the same way`, async () => {
      const { address } = await serving(async () => ({ status: 200, headers: [], body: 'taken' }))
      const [plain, odd] = twins('POST /', headers, status === 413 ? 'x'.repeat(1_001) : 'x')
      const answer = await exchange(address.port, plain)
      assert.equal(answer, await exchange(address.port, odd))
      if (name !== 'two hosts that differ') assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer)
    })
  }
})

describe('the fast path in front of a server', () => {
  /** A server that tells in its responses. */
  async function startBoth(
    respond: (url: string) => Promise<string> = async () => '',
    limits: { readonly keepAliveMs?: number; readonly bodyWaitMs?: number; readonly headMs?: number } = {},
  ) {
    const server = createServer((message, response) => {
      message.on('data', () => {})
      message.on('end', () => response.end(`node ${message.url}`))
    })
    server.on('clientError', refuseMalformed)
    const budget = new ReadAheadBudget()
    const ordinary = new NodeConnections(server, budget)
    const fastPath = new HandlerFastPath(server, ordinary, budget, {
      ...{ bodyLimit: 100_000, keepAliveMs: 65_000, headMs: WAIT_LIMIT_MS, bodyWaitMs: WAIT_LIMIT_MS, ...limits },
      answer: async ({ url }, _headers, _socket, keepsAlive) => {
        const body = `plain ${url}${await respond(url)}`
        return writtenReply({ status: 200, headers: [], body }, keepsAlive() ? 'keep-alive' : 'close')
      },
    })
    // After both paths, which take over the listeners they find.
    const accepted = new Map<number | undefined, Socket>()
    server.on('connection', (socket) => accepted.set(socket.remotePort, socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const close = (graceMs: number) => drainServer(server, [fastPath, ordinary], { graceMs, idleMs: 50 })
    after(async () => {
      if (server.listening) await close(0)
      fastPath.close()
    })
    /** The server's end of a client's connection, once it is in the state that `condition` describes. */
    const atServer = ({ socket }: { socket: Socket }, what: string, condition: (end: Socket) => boolean) =>
      eventually(what, () => {
        const end = accepted.get(socket.localPort)
        return end !== undefined && condition(end) ? end : undefined
      })
    /** Waits until the server has read all that a client wrote. */
    const hasRead = (client: { socket: Socket }) =>
      atServer(client, 'the server reads it', ({ bytesRead }) => bytesRead === client.socket.bytesWritten)
    return { port: (server.address() as AddressInfo).port, close, atServer, hasRead }
  }
  /** Whether `node:http` reads a connection: it attaches its parser. */
  const isNodes = (end: Socket) => (end as { parser?: unknown }).parser != null
  const GET = (url: string, ...headers: string[]) => [`GET ${url} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n')
  const POST = (url: string, body: string) =>
    `POST ${url} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const bodies = (text: string) => [...text.matchAll(/(plain|node) \/[a-z]*/g)].map(([found]) => found)
  const answered = (seen: { text: string }, ...expected: string[]) =>
    eventually(`${expected.join(', ')} come`, () => bodies(seen.text).length >= expected.length).then(() =>
      assert.deepEqual(bodies(seen.text), expected),
    )

  test('answers one request after the other on one connection, until one is for node, which keeps it', async () => {
    const { port } = await startBoth()
    const { seen, write } = open(port)
    write(GET('/a'))
    await answered(seen, 'plain /a')
    write(POST('/b', 'c=d'))
    await answered(seen, 'plain /a', 'plain /b')
    write('PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n')
    await answered(seen, 'plain /a', 'plain /b', 'node /c')
    write(GET('/d'))
    await answered(seen, 'plain /a', 'plain /b', 'node /c', 'node /d')
  })

  test('accepts a body in pieces; hands over a head in pieces, and a body that arrives byte by byte', async () => {
    const { port, hasRead } = await startBoth()
    const [inTwo, head, bytes] = [open(port), open(port), open(port)]
    const text = POST('/a', 'c=d')
    inTwo.write(text.slice(0, -3))
    head.write(text.slice(0, 20))
    await Promise.all([inTwo, head].map(hasRead))
    inTwo.write(text.slice(-3))
    head.write(text.slice(20))
    const long = POST('/a', 'x'.repeat(12))
    bytes.write(long.slice(0, -12))
    for (let count = 0; count < 12; count++) {
      await hasRead(bytes)
      bytes.write('x')
    }
    await answered(inTwo.seen, 'plain /a')
    await answered(head.seen, 'node /a')
    await answered(bytes.seen, 'node /a')
  })

  test('hands over a body that arrives late', async () => {
    const { port, atServer } = await startBoth(undefined, { bodyWaitMs: 100 })
    const late = open(port)
    const text = POST('/a', 'c=d')
    late.write(text.slice(0, -1))
    await atServer(late, 'it is handed over', isNodes)
    late.write(text.slice(-1))
    await answered(late.seen, 'node /a')
  })

  test('a pipelined request waits for the previous response, and is answered in order', async () => {
    const gate = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<void>()
    const { port, atServer } = await startBoth((url) => {
      if (url !== '/a') return Promise.resolve('')
      begun.resolve()
      return gate.promise
    })
    const client = open(port)
    const { seen, write } = client
    write(GET('/a'))
    await begun.promise
    write(GET('/b'))
    await atServer(client, 'the next request is held', (end) => end.isPaused())
    write(`${GET('/c')}${GET('/d')}`)
    assert.equal(seen.text, '')
    gate.resolve('')
    await answered(seen, 'plain /a', 'plain /b', 'node /c', 'node /d')
  })

  test('a large amount of pipelined data is not read before the current response', async () => {
    const gate = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<void>()
    const { port, atServer } = await startBoth((url) => {
      if (url !== '/a') return Promise.resolve('')
      begun.resolve()
      return gate.promise
    })
    const client = open(port)
    const { socket, seen, write } = client
    write(GET('/a'))
    await begun.promise
    const many = 1_500
    socket.write(GET('/b', `X: ${'x'.repeat(10_000)}`).repeat(many))
    await atServer(client, 'the server stops reading', (end) => end.isPaused())
    assert.ok(socket.writableLength > 0, 'the client is held up')
    gate.resolve('')
    await eventually('all are answered', () => bodies(seen.text).length === many + 1)
  })

  test('a client that has ended its side gets its response, and then the connection ends', async () => {
    const gate = Promise.withResolvers<string>()
    const { port, atServer } = await startBoth(() => gate.promise)
    const client = open(port)
    const { socket, seen } = client
    socket.end(GET('/a'))
    await atServer(client, 'the server sees the end', (end) => end.readableEnded)
    gate.resolve('')
    await answered(seen, 'plain /a')
    await eventually('it ends', () => seen.isEnded)
  })

  test('a request that is cut short gets a 400 and is never handled', async () => {
    const { port, hasRead } = await startBoth()
    for (const text of [POST('/a', 'c=d').slice(0, -1), GET('/a').slice(0, -4)]) {
      const client = open(port)
      const { socket, seen } = client
      socket.write(text)
      await hasRead(client)
      socket.end()
      await eventually('it ends', () => seen.isEnded)
      assert.match(seen.text, /^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n$/)
    }
  })

  test('a client that disconnects does no harm', async () => {
    const gate = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<void>()
    const { port, atServer } = await startBoth((url) => {
      if (url !== '/a') return Promise.resolve('')
      begun.resolve()
      return gate.promise
    })
    const client = open(port)
    const { socket, write } = client
    write(GET('/a'))
    await begun.promise
    const end = await atServer(client, 'the server has accepted it', () => true)
    socket.resetAndDestroy()
    await eventually('the server sees the reset', () => end.destroyed)
    gate.resolve('')
    const other = open(port)
    other.write(GET('/b'))
    await answered(other.seen, 'plain /b')
  })

  test('Connection: close is honored', async () => {
    const { port } = await startBoth()
    const { seen, write } = open(port)
    write(GET('/a', 'Connection: close'))
    await eventually('it ends', () => seen.isEnded)
    assert.deepEqual(bodies(seen.text), ['plain /a'])
  })

  test('an idle connection ends after its time limit', async () => {
    const { port } = await startBoth(undefined, { keepAliveMs: 100 })
    const { seen, write } = open(port)
    const askedAt = performance.now()
    write(GET('/a'))
    await answered(seen, 'plain /a')
    await eventually('it ends', () => seen.isEnded)
    const lastedMs = performance.now() - askedAt
    assert.ok(lastedMs > 1_100, `it ended after ${lastedMs} ms, when the client may still count on it`)
  })

  test('a connection that sends no request gets a 408 after the time limit', async () => {
    const { port } = await startBoth(undefined, { headMs: 100 })
    const { seen } = open(port)
    await eventually('it ends', () => seen.isEnded)
    assert.match(seen.text, /^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n/)
  })

  test('a stop answers requests that are in flight or arriving, and closes idle connections', async () => {
    const gate = Promise.withResolvers<string>()
    const { port, close, hasRead } = await startBoth((url) => (url === '/slow' ? gate.promise : Promise.resolve('')))
    const [idle, busy, silent, coming] = [open(port), open(port), open(port), open(port)]
    idle.write(GET('/a'))
    busy.write(GET('/slow'))
    coming.write(GET('/b').slice(0, -2))
    await answered(idle.seen, 'plain /a')
    await Promise.all([busy, silent, coming].map(hasRead))
    const closed = close(WAIT_LIMIT_MS)
    await eventually('the idle ones end', () => idle.seen.isEnded && silent.seen.isEnded)
    assert.deepEqual([busy.seen.isEnded, coming.seen.isEnded], [false, false])
    coming.write('\r\n')
    await answered(coming.seen, 'node /b')
    gate.resolve('')
    await answered(busy.seen, 'plain /slow')
    await eventually('all end', () => busy.seen.isEnded && coming.seen.isEnded)
    for (const { seen } of [busy, coming]) assert.match(seen.text, /\r\nConnection: close\r\n/)
    for (const { socket } of [idle, busy, silent, coming]) socket.end()
    await closed
  })

  test('a response larger than the socket buffers arrives completely before the next', async () => {
    const long = 'x'.repeat(8 << 20)
    const { port, atServer, hasRead } = await startBoth(async (url) => (url === '/long' ? long : ''))
    const client = open(port)
    const { socket, seen, write } = client
    socket.pause()
    write(GET('/long'))
    await atServer(client, 'the sockets are full', (end) => end.writableLength > 0)
    write(GET('/b'))
    await hasRead(client)
    socket.resume()
    await eventually('both come', () => seen.text.endsWith('plain /b'))
    assert.ok(seen.text.includes(long))
  })
})
