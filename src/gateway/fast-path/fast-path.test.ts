import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import { Bed, deadUrl, exchangeBytes, type Received, type Side, until } from '../testing/test-bed.ts'

let bed: Bed
let legacy: Side
let iam: Side
let gateway: RunningGateway
let plain: Side['answer']

before(async () => {
  bed = await Bed.make()
  ;({ legacy, iam, gateway } = await bed.whole({ fastPath: true }))
  plain = legacy.answer
})
after(() => bed.end())
beforeEach(() => {
  for (const side of [legacy, iam]) side.received.length = 0
  legacy.answer = plain
})

const STAYING = 'GET /oauth/authorize?client_id=staying HTTP/1.1\r\nHost: a\r\n\r\n'
const post = (form: string) => `POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: ${form.length}\r\n\r\n${form}`

/** The transports spell the header of their own connections differently. */
function wasFast(request: Received | undefined): boolean {
  return request?.rawHeaders.includes('Connection') ?? false
}

/** A client that keeps its connection. */
async function open(to = gateway): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect(to.address.port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return { socket, text: () => text }
}

/** Whether a response has arrived with its complete body. */
function isWhole(text: string): boolean {
  const [head = '', body] = text.split('\r\n\r\n')
  const length = /^content-length: (\d+)$/im.exec(head)?.[1]
  return body !== undefined && length !== undefined && body.length >= Number(length)
}

const answersIn = (text: string) => text.split('HTTP/1.1 ').length - 1

describe('the fast path', () => {
  test('serves plain requests one after the other, and leaves the connection to `node:http` for any other', async () => {
    const { socket, text } = await open()
    const requests = [STAYING, post('client_id=staying'), 'HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n', STAYING]
    for (const [index, request] of requests.entries()) {
      socket.write(request)
      await until(() => answersIn(text()) === index + 1)
    }
    assert.deepEqual(legacy.received.map(wasFast), [true, true, false, false])
    socket.destroy()
  })

  test('leaves a WebSocket on a connection it has served to the tunnel', async () => {
    legacy.server.on('upgrade', (_message, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    })
    const { socket, text } = await open()
    socket.write(STAYING)
    await until(() => answersIn(text()) === 1)
    socket.write('GET /cable HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    await until(() => text().endsWith('hello'))
    socket.destroy()
  })

  test('answers pipelined requests in order', async () => {
    let finish: (() => void) | undefined
    legacy.answer = (request, response) => {
      const end = () => void response.end(request.url)
      if (request.url.endsWith('1')) finish = end
      else end()
    }
    const { socket, text } = await open()
    const ask = (number: number) => socket.write(STAYING.replace('staying', `staying&n=${number}`))
    ask(1)
    await until(() => finish !== undefined)
    ask(2)
    ask(3)
    await new Promise((resolve) => setTimeout(resolve, 30))
    finish?.()
    await until(() => answersIn(text()) === 3)
    assert.deepEqual(text().match(/n=\d/g), ['n=1', 'n=2', 'n=3'])
    socket.destroy()
  })

  test('waits briefly for a body that arrives in pieces', async () => {
    const { socket, text } = await open()
    const request = post('grant_type=client_credentials&client_id=moved')
    for (const piece of [request.slice(0, -20), request.slice(-20, -5), request.slice(-5)]) {
      socket.write(piece)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await until(() => answersIn(text()) === 1)
    assert.deepEqual([iam.received.length, wasFast(iam.received[0])], [1, true])
    socket.write(request.slice(0, -5))
    await new Promise((resolve) => setTimeout(resolve, 700))
    socket.write(request.slice(-5))
    await until(() => answersIn(text()) === 2)
    assert.deepEqual([iam.received.length, wasFast(iam.received[1])], [2, false])
    socket.destroy()
  })

  test('forwards nothing of a body that is cut short, and records the request', async () => {
    const { socket, text } = await open()
    socket.write(post('client_id=moved').slice(0, -3))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const before = (await bed.records('decisions')).length
    socket.end()
    await until(() => text() !== '')
    assert.match(text(), /^HTTP\/1\.1 400 /)
    await until(async () => (await bed.records('decisions')).length > before)
    const { destination, reason, status } = (await bed.records('decisions')).at(-1) ?? {}
    assert.deepEqual([destination, reason, status], ['rejected', 'malformed_request', 499])
    assert.equal(legacy.received.length + iam.received.length, 0)
  })

  test('trusts the headers of a trusted proxy, as `node:http` does', async () => {
    const proxied = await bed.whole({ fastPath: true, trustedProxies: ['127.0.0.0/8'] })
    proxied.legacy.answer = (_request, response) =>
      void response.writeHead(302, { Location: `${proxied.legacy.url}/next` }).end()
    const said =
      'X-Request-Id: given-1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: front\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n'
    const answer = await exchangeBytes(proxied.gateway.url, STAYING.replace('\r\n\r\n', `\r\n${said}`))
    assert.match(answer, /\r\nLocation: https:\/\/front\/next\r\n/i)
    const [request] = proxied.legacy.received
    assert.equal(wasFast(request), true)
    assert.equal(request?.headers['x-request-id'], 'given-1')
    assert.equal(request?.headers['x-forwarded-for'], '9.9.9.9, 127.0.0.1')
  })

  test('is off without IAM, with a routing endpoint, or when disabled', async () => {
    const url = await deadUrl()
    const secret = new Uint8Array(32)
    for (const settings of [
      { iamUrl: undefined },
      { source: { kind: 'endpoint', url, secret } as const },
      { fastPath: false },
    ]) {
      const front = await bed.gateway({ legacyUrl: legacy.url, iamUrl: iam.url, ...settings })
      legacy.received.length = 0
      await exchangeBytes(front.url, STAYING)
      assert.deepEqual(legacy.received.map(wasFast), [false])
    }
  })
})

describe('a client on the fast path', () => {
  test('that disconnects cancels its upstream request, and is recorded', async () => {
    let gone = false
    legacy.answer = (_request, response) =>
      void response.on('close', () => {
        gone = true
      })
    const { socket } = await open()
    socket.write(STAYING)
    await until(() => legacy.received.length === 1)
    socket.resetAndDestroy()
    await until(() => gone)
    await until(async () => (await bed.records('decisions')).at(-1)?.['status'] === 499)
  })

  test('that reads slowly applies backpressure to the upstream, and gets every byte', async () => {
    const total = 40 << 20
    let sent = 0
    legacy.answer = (_request, response) => {
      response.writeHead(200, { 'Content-Length': total })
      const block = Buffer.alloc(1 << 20, 'x')
      const pump = () => {
        while (sent < total) {
          sent += block.length
          if (!response.write(block)) return void response.once('drain', pump)
        }
        response.end()
      }
      pump()
    }
    const { socket } = await open()
    socket.pause()
    socket.write(STAYING.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    await until(() => legacy.received.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.ok(sent < total / 2, `${sent} bytes left the upstream while nobody read`)
    let size = 0
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length
    })
    socket.resume()
    await once(socket, 'close')
    assert.ok(size > total && size < total + 500, `${size} bytes came`)
  })

  test('that is idle is disconnected when the gateway stops; one that awaits a response gets Connection: close', async () => {
    const stopping = await bed.whole({ fastPath: true, limits: { drainMs: 5_000 } })
    let finish: (() => void) | undefined
    const idle = await open(stopping.gateway)
    idle.socket.write(STAYING)
    await until(() => answersIn(idle.text()) === 1)
    stopping.legacy.answer = (_request, response) => {
      finish = () => void response.end('done')
    }
    const busy = await open(stopping.gateway)
    busy.socket.write(STAYING)
    await until(() => finish !== undefined)
    const closed = stopping.gateway.close()
    await once(idle.socket, 'close')
    finish?.()
    await closed
    await until(() => busy.text().includes('done'))
    assert.match(busy.text(), /\r\nConnection: close\r\n/)
  })

  test('that sends nothing at all gets a 408 after a while', async () => {
    const { gateway: hasty } = await bed.whole({ fastPath: true, limits: { requestHeadMs: 60 } })
    const { text } = await open(hasty)
    await until(() => text().startsWith('HTTP/1.1 408 '))
  })
})

describe('a connection to an upstream', () => {
  /** A raw side that counts its connections and responds through `onRequest`. */
  async function rawGateway(onRequest: (socket: Socket, number: number) => void) {
    const seen = { connections: 0, requests: 0 }
    let ended = 0
    const url = await bed.rawSide((socket) => {
      seen.connections++
      socket.on('close', () => ended++)
      socket.on('data', () => onRequest(socket, ++seen.requests))
    })
    const limits = { iamHeadersMs: 300, legacyHeadersMs: 300 }
    const front = await bed.gateway({ legacyUrl: url, iamUrl: url, fastPath: true, limits })
    const ask = async (request: string) => {
      const { socket, text } = await open(front)
      socket.write(request)
      await until(() => isWhole(text()))
      socket.destroy()
      return text()
    }
    return { seen, ask, untilEnded: (count: number) => until(() => ended === count) }
  }
  const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  test('is reused', async () => {
    const { seen, ask } = await rawGateway((socket) => socket.write(OK))
    for (let i = 0; i < 3; i++) assert.match(await ask(STAYING), /ok$/)
    assert.deepEqual(seen, { connections: 1, requests: 3 })
  })

  test('is not reused when the response forbids it, ends with it, or is followed by extra bytes', async () => {
    for (const answer of [
      OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
      OK.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=1\r\n\r\n'),
      OK.replace('1.1', '1.0'),
      `${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`,
    ]) {
      const { seen, ask } = await rawGateway((socket) => socket.write(answer))
      for (let i = 0; i < 2; i++) assert.match(await ask(STAYING), /ok$/)
      assert.deepEqual(seen, { connections: 2, requests: 2 })
    }
  })

  test('that sends bytes without a request is not used', async () => {
    const { seen, ask, untilEnded } = await rawGateway((socket) => {
      socket.write(OK)
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'), 20)
    })
    assert.match(await ask(STAYING), /ok$/)
    await untilEnded(1)
    assert.match(await ask(STAYING), /ok$/)
    assert.equal(seen.connections, 2)
  })

  test('that closes just as it is used costs a GET nothing; an IAM credential is not sent again', async () => {
    const { seen, ask } = await rawGateway((socket, number) => {
      if (number % 2 === 1) socket.write(OK)
      else socket.destroy()
    })
    assert.match(await ask(STAYING), /ok$/)
    assert.match(await ask(STAYING), /ok$/)
    assert.equal(seen.requests, 3)
    const { seen: bound, ask: redeem } = await rawGateway((socket, number) => {
      if (number % 2 === 1) socket.write(OK)
      else socket.destroy()
    })
    const code = post('grant_type=authorization_code&client_id=moved&code=gliamac-1')
    assert.match(await redeem(code), /ok$/)
    assert.match(await redeem(code), /^HTTP\/1\.1 503 /)
    assert.equal(bound.requests, 2)
  })
})
