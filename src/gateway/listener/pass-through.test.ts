import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import {
  Bed,
  exchangeBytes,
  FORM,
  type GatewayProcess,
  type Side,
  startGatewayProcess,
  until,
} from '../testing/test-bed.ts'

let bed: Bed
let legacy: Side
let iam: Side
let gateway: RunningGateway
let plain: Side['answer']

before(async () => {
  bed = await Bed.make()
  ;({ legacy, iam, gateway } = await bed.whole())
  plain = legacy.answer
})
after(() => bed.end())
beforeEach(() => {
  legacy.received.length = 0
  iam.received.length = 0
  legacy.answer = plain
})

function answerOf(sent: ReturnType<typeof request>): Promise<IncomingMessage> {
  return once(sent, 'response').then(([answer]) => answer as IncomingMessage)
}

const MEGABYTE = 1 << 20

describe('requests that are not routed stream both ways', () => {
  const block = randomBytes(MEGABYTE)
  const digestOf = (blocks: number) => {
    const digest = createHash('sha256')
    for (let i = 0; i < blocks; i++) digest.update(block)
    return digest.digest('hex')
  }
  let front: GatewayProcess
  before(async () => {
    front = await startGatewayProcess({ legacyUrl: legacy.url })
  })
  after(() => front.stop())

  test('a download of 100 MB passes unchanged, and a slow reader applies backpressure instead of filling memory', async () => {
    let sent = 0
    legacy.answer = (_request, response) => {
      const pump = () => {
        while (sent < 100) {
          sent++
          if (!response.write(block)) return void response.once('drain', pump)
        }
        response.end()
      }
      pump()
    }
    const before = await front.rss()
    const answer = await answerOf(get(`${front.url}/download`))
    answer.pause()
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.ok(sent < 30, `${sent} MB left the upstream while nobody read`)
    assert.ok((await front.rss()) - before < 24 * MEGABYTE)
    let size = 0
    const digest = createHash('sha256')
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length
      digest.update(chunk)
    }
    assert.deepEqual([size, digest.digest('hex')], [100 * MEGABYTE, digestOf(100)])
    assert.ok((await front.rss()) - before < 90 * MEGABYTE)
  })

  test('an upload of 200 MB passes unchanged, and a slow upstream applies backpressure to the client', async () => {
    let open: (() => void) | undefined
    const digest = createHash('sha256')
    let size = 0
    const slow = createServer((message, response) => {
      open = () => {
        message.on('data', (chunk: Buffer) => {
          size += chunk.length
          digest.update(chunk)
        })
        message.on('end', () => response.end('done'))
      }
    })
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
    const own = await startGatewayProcess({
      legacyUrl: `http://127.0.0.1:${(slow.address() as AddressInfo).port}`,
    })
    const before = await own.rss()
    const upload = request(`${own.url}/upload`, { method: 'POST' })
    let written = 0
    const pump = () => {
      while (written < 200) {
        written++
        if (!upload.write(block)) return void upload.once('drain', pump)
      }
      upload.end()
    }
    const answered = answerOf(upload)
    pump()
    await until(() => open !== undefined)
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.ok(written < 30, `${written} MB were taken while nobody read`)
    open?.()
    const answer = await answered
    answer.resume()
    await once(answer, 'end')
    assert.deepEqual([size, digest.digest('hex')], [200 * MEGABYTE, digestOf(200)])
    assert.ok((await own.rss()) - before < 100 * MEGABYTE)
    own.stop()
    slow.close()
    slow.closeAllConnections()
  })
})

describe('with a side that responds as each test requires', () => {
  before(async () => {
    ;({ legacy, iam, gateway } = await bed.whole())
  })

  test('the first piece of a response arrives before the last is produced', async () => {
    let finish: (() => void) | undefined
    legacy.answer = (_request, response) => {
      response.write('first')
      finish = () => void response.end('last')
    }
    const answer = await answerOf(get(`${gateway.url}/events`))
    const [first] = (await once(answer, 'data')) as [Buffer]
    assert.equal(first.toString(), 'first')
    finish?.()
    const [last] = (await once(answer, 'data')) as [Buffer]
    assert.equal(last.toString(), 'last')
  })

  test('an upload keeps its framing: a length stays a length, chunks stay chunks', async () => {
    await exchangeBytes(gateway.url, 'POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi')
    await exchangeBytes(
      gateway.url,
      'POST /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    )
    const [a, b] = legacy.received
    assert.deepEqual(
      [a?.headers['content-length'], a?.headers['transfer-encoding'], a?.body.toString()],
      ['2', undefined, 'hi'],
    )
    assert.equal(b?.body.toString(), 'hi')
  })

  test('a client that disconnects cancels its upstream request', async () => {
    let gone = false
    legacy.answer = (_request, response) => {
      response.write('begun')
      response.on('close', () => {
        gone = true
      })
    }
    const sent = get(`${gateway.url}/long`)
    sent.on('error', () => {})
    const answer = await answerOf(sent)
    answer.on('error', () => {})
    await once(answer, 'data')
    sent.socket?.resetAndDestroy()
    await until(() => gone)
  })

  test('a client that disconnects before there is a response cancels too, and is recorded as disconnected', async () => {
    let gone = false
    legacy.answer = (_request, response) =>
      void response.on('close', () => {
        gone = true
      })
    const sent = get(`${gateway.url}/oauth/authorize?client_id=staying`)
    sent.on('error', () => {})
    await until(() => legacy.received.length === 1)
    sent.socket?.resetAndDestroy()
    await until(() => gone)
    await until(async () => (await bed.records('decisions')).at(-1)?.['status'] === 499)
  })

  test('a response without a length that a reset cuts is cut off, not forwarded as complete', async () => {
    for (const fastPath of [true, false]) {
      const url = await bed.rawSide((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it', () =>
            setTimeout(() => socket.resetAndDestroy(), 50),
          )
        })
      })
      const front = await bed.gateway({ legacyUrl: url, iamUrl: url, fastPath })
      for (const path of ['/page', '/oauth/authorize?client_id=staying']) {
        const answer = await fetch(`${front.url}${path}`)
        await assert.rejects(answer.text(), `${path} ${fastPath}`)
      }
    }
  })

  test('the head of a stream reaches the client before any of its body exists', async () => {
    for (const fastPath of [true, false]) {
      const streams = await bed.whole({ fastPath })
      const responses: ServerResponse[] = []
      streams.legacy.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        responses.push(response)
      }
      for (const path of ['/events', '/oauth/authorize?client_id=staying']) {
        const answer = await fetch(`${streams.gateway.url}${path}`)
        assert.equal(answer.headers.get('content-type'), 'text/event-stream')
        responses.pop()?.end('data: x\n\n')
        assert.equal(await answer.text(), 'data: x\n\n')
      }
    }
  })

  test('a Host with an empty port, and an HTTP/1.0 request without Host, lead to working addresses', async () => {
    legacy.answer = (_request, response) => void response.writeHead(302, { location: `${legacy.url}/next` }).end()
    const ask = (head: string) => exchangeBytes(gateway.url, `${head}Connection: close\r\n\r\n`)
    assert.match(await ask('GET /x HTTP/1.1\r\nHost: a.test:\r\n'), /\r\nlocation: http:\/\/a\.test\/next\r\n/i)
    assert.match(await ask('GET /x HTTP/1.0\r\n'), /\r\nlocation: \/next\r\n/i)
  })

  test('a request head is forwarded up to the configured size', async () => {
    const legacyUrl = await bed.rawSide((socket) => {
      socket.on('data', (chunk: Buffer) => {
        if (chunk.includes('\r\n\r\n')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
      })
    })
    const usual = await bed.gateway({ legacyUrl })
    const small = await bed.gateway({ legacyUrl, limits: { requestHeadBytes: 20_000 } })
    const ask = async (url: string, size: number) =>
      (await fetch(`${url}/x`, { headers: { cookie: `a=${'x'.repeat(size)}` } })).status
    assert.deepEqual([await ask(usual.url, 79_000), await ask(usual.url, 120_000)], [200, 431])
    assert.deepEqual([await ask(small.url, 19_000), await ask(small.url, 21_000)], [200, 431])
  })

  test('an upstream that cuts its response cuts off the client', async () => {
    legacy.answer = (_request, response) => {
      response.writeHead(200, { 'Content-Length': '10' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    }
    const answer = await answerOf(get(`${gateway.url}/half`))
    answer.resume()
    await assert.rejects(once(answer, 'end'))
  })

  test('an upload that the client cuts short never completes upstream', async () => {
    const socket = connect(gateway.address.port, '127.0.0.1')
    socket.write('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome')
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(legacy.received.length, 0)
  })

  test('a response that arrives before the upload has ended is forwarded, and the connection is not reused', async () => {
    legacy.server.once('connection', () => {})
    const early = await bed.rawSide((socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'),
      )
    })
    const front = await bed.gateway({ legacyUrl: early })
    const answer = await exchangeBytes(
      front.url,
      `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'a'.repeat(1_000)}`,
    )
    assert.match(answer, /^HTTP\/1\.1 401 /)
    assert.match(answer, /\r\nConnection: close\r\n/)
  })

  test('the gateway answers Expect: 100-continue and does not forward it', async () => {
    const sent = request(`${gateway.url}/oauth/token`, {
      method: 'POST',
      headers: { ...FORM, expect: '100-continue', 'content-length': '44' },
    })
    sent.flushHeaders()
    await once(sent, 'continue')
    sent.end('grant_type=client_credentials&client_id=moved')
    sent.on('error', () => {})
  })

  test('a body with an announced length over the limit is refused before it is requested', async () => {
    const head = 'POST /oauth/token HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n'
    const answer = await exchangeBytes(gateway.url, head)
    assert.match(answer, /^HTTP\/1\.1 413 /)
  })

  test('an unknown expectation is refused', async () => {
    assert.match(
      await exchangeBytes(gateway.url, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n'),
      /^HTTP\/1\.1 417 /,
    )
  })

  test('HEAD keeps the length and has no body; 204 and 304 have none either', async () => {
    legacy.answer = (asked, response) => {
      if (asked.url === '/204') response.writeHead(204).end()
      else if (asked.url === '/304') response.writeHead(304, { ETag: '"a"' }).end()
      else response.writeHead(200, { 'Content-Length': '5' }).end(asked.method === 'HEAD' ? undefined : 'hello')
    }
    const head = await exchangeBytes(gateway.url, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.match(head, /\r\nContent-Length: 5\r\n/)
    assert.ok(head.endsWith('\r\n\r\n'))
    for (const path of ['/204', '/304']) {
      const answer = await exchangeBytes(gateway.url, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      assert.ok(answer.startsWith(`HTTP/1.1 ${path.slice(1)} `))
      assert.ok(answer.endsWith('\r\n\r\n'))
      assert.doesNotMatch(answer, /transfer-encoding/i)
    }
  })

  test('the reason phrase, repeated headers and their spelling pass unchanged', async () => {
    legacy.answer = (_asked, response) => {
      response.writeHead(200, 'Fine By Me', [
        'X-oDD',
        '1',
        'X-oDD',
        '2',
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'X-Latin',
        'caf\xe9',
      ])
      response.end()
    }
    const answer = await exchangeBytes(gateway.url, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.match(
      answer,
      /^HTTP\/1\.1 200 Fine By Me\r\nX-oDD: 1\r\nX-oDD: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Latin: caf\xe9\r\n/,
    )
  })

  test('trailers and early hints pass, and other interim responses are dropped', async () => {
    legacy.answer = (_asked, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.writeProcessing()
      response.writeHead(200, { Trailer: 'X-Sum' })
      response.write('body')
      response.addTrailers({ 'X-Sum': '42' })
      response.end()
    }
    const answer = await exchangeBytes(gateway.url, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.match(answer, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n/i)
    assert.match(answer, /0\r\nX-Sum: 42\r\n\r\n$/)
    assert.doesNotMatch(answer, /102/)
  })

  test('an HTTP/1.0 client gets a response that ends with the connection', async () => {
    legacy.answer = (_asked, response) => {
      response.write('no length')
      response.end()
    }
    const answer = await exchangeBytes(gateway.url, 'GET / HTTP/1.0\r\n\r\n')
    assert.match(answer, /\r\nConnection: close\r\n/)
    assert.doesNotMatch(answer, /transfer-encoding/i)
    assert.ok(answer.endsWith('no length'))
  })
})

describe('a WebSocket', () => {
  const HANDSHAKE = 'Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n'

  async function open(upgrade: (socket: Socket) => void): Promise<RunningGateway> {
    legacy.server.removeAllListeners('upgrade')
    legacy.server.on('upgrade', (_message, socket) => upgrade(socket as Socket))
    return gateway
  }

  test('is tunnelled to legacy, both ways, including bytes sent with the handshake', async () => {
    await open((socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\nhello',
      )
      socket.on('data', (chunk: Buffer) => socket.write(`<${chunk.toString()}>`))
    })
    const answer = await exchangeBytes(gateway.url, `GET /-/cable HTTP/1.1\r\n${HANDSHAKE}\r\nearly`)
    assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
    assert.match(answer, /\r\nSec-WebSocket-Accept: y\r\n/)
    assert.ok(answer.includes('hello') && answer.endsWith('<early>'))
  })

  test('ends on one side when it ends on the other', async () => {
    let upstream: Socket | undefined
    await open((socket) => {
      upstream = socket
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.on('error', () => {})
    })
    const client = connect(gateway.address.port, '127.0.0.1')
    client.write(`GET / HTTP/1.1\r\n${HANDSHAKE}\r\n`)
    await once(client, 'data')
    client.destroy()
    await until(() => upstream?.destroyed === true || upstream?.readableEnded === true)
  })

  test('that legacy refuses gets that refusal, and no request can follow behind it', async () => {
    await open((socket) => {
      socket.write('HTTP/1.1 426 No\r\nContent-Length: 3\r\n\r\nno!')
    })
    const answer = await exchangeBytes(
      gateway.url,
      `GET / HTTP/1.1\r\n${HANDSHAKE}\r\nGET /oauth/authorize?client_id=moved HTTP/1.1\r\nHost: a\r\n\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 426 No\r\n/)
    assert.ok(answer.endsWith('no!'))
    assert.equal(iam.received.length + legacy.received.length, 0)
  })

  test('gets a 502 while legacy is down', async () => {
    const { server } = await bed.side('gone')
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    const front = await bed.gateway({ legacyUrl: `http://127.0.0.1:${port}` })
    assert.match(await exchangeBytes(front.url, `GET / HTTP/1.1\r\n${HANDSHAKE}\r\n`), /^HTTP\/1\.1 502 /)
  })

  test('handshake to an OAuth endpoint is routed like any request; other upgrades are not forwarded', async () => {
    await exchangeBytes(
      gateway.url,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
    )
    assert.deepEqual(
      [
        legacy.received[0]?.headers.upgrade,
        legacy.received[0]?.headers['http2-settings'],
        legacy.received[0]?.headers.connection,
      ],
      [undefined, undefined, 'keep-alive'],
    )
  })
})

test('without an IAM address everything passes to legacy unread, and no decision is logged', async () => {
  const only = await bed.side('only')
  const lines = bed.lines.length
  const front = await bed.gateway({ legacyUrl: only.url })
  const body = `client_id=moved&client_id=moved&${'a'.repeat(2 << 20)}`
  const answer = await fetch(`${front.url}/oauth/token?x=%zz`, {
    method: 'POST',
    body,
    headers: { ...FORM, cookie: 'a=1; _iam_x=2' },
  })
  assert.deepEqual(await answer.json(), { side: 'only' })
  assert.equal(only.received[0]?.url, '/oauth/token?x=%zz')
  assert.equal(only.received[0]?.body.toString(), body)
  assert.equal(only.received[0]?.headers.cookie, 'a=1; _iam_x=2')
  await bed.records()
  assert.equal(bed.lines.slice(lines).filter((line) => line.includes('routing decision')).length, 0)
})
