import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { after, describe, test } from 'node:test'
import { silentLog } from '../observability/index.ts'
import {
  CallError,
  call,
  formatListenAddress,
  type HttpRequest,
  isLoopback,
  ListenError,
  parseListenAddress,
  type RunningServer,
  serve,
} from './index.ts'

const ANY = { host: '127.0.0.1', port: 0 }
const running: RunningServer[] = []
after(() => Promise.all(running.map((server) => server.close(0))))

async function serving(
  handler: (request: HttpRequest) => Promise<{ status: number; body: string }>,
  bodyLimit = 1_000,
) {
  const server = await serve({
    listen: ANY,
    log: silentLog,
    bodyLimit,
    handler: async (request) => ({ headers: [], ...(await handler(request)) }),
  })
  running.push(server)
  return server
}

describe('a listen address', () => {
  for (const [text, host, port] of [
    ['127.0.0.1:80', '127.0.0.1', 80],
    ['localhost:0', 'localhost', 0],
    [':8080', '0.0.0.0', 8_080],
    ['[::1]:8080', '::1', 8_080],
  ] as const) {
    test(`${text} is parsed`, () => assert.deepEqual(parseListenAddress(text), { host, port }))
  }
  for (const text of ['', '80', 'localhost', 'localhost:', 'localhost:65536', '::1:80', 'a b:80', 'localhost:-1']) {
    test(`${JSON.stringify(text)} is rejected`, () => assert.equal(parseListenAddress(text), undefined))
  }
  test('is formatted as it is parsed', () => {
    assert.equal(formatListenAddress({ host: '::1', port: 1 }), '[::1]:1')
    assert.equal(formatListenAddress({ host: 'a', port: 1 }), 'a:1')
  })
  test('is loopback or not', () => {
    for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) assert.equal(isLoopback(host), true, host)
    for (const host of ['0.0.0.0', '10.0.0.1', 'example.test', '::']) assert.equal(isLoopback(host), false, host)
  })
})

describe('a server', () => {
  test('accepts a head as large as Puma does, and a Host with an empty port', async () => {
    const { url, address } = await serving(async ({ headers, origin }) => ({
      status: 200,
      body: `${headers.cookie?.length} ${origin}`,
    }))
    for (const length of [17_000, 79_000]) {
      const answer = await fetch(url, { headers: { cookie: 'x'.repeat(length) } })
      assert.equal(await answer.text(), `${length} ${url}`)
    }
    const socket = connect(address.port, '127.0.0.1').setEncoding('latin1')
    socket.write('GET / HTTP/1.1\r\nHost: a.test:\r\nConnection: close\r\n\r\n')
    let text = ''
    for await (const piece of socket) text += piece
    assert.ok(text.endsWith('undefined http://a.test'), text)
  })

  test('passes method, path, query and body on as sent', async () => {
    const { url } = await serving(async ({ method, path, query, body }) => ({
      status: 200,
      body: JSON.stringify([method, path, query, body.toString()]),
    }))
    const answer = await fetch(`${url}/a%20b/?x=%zz&y`, { method: 'POST', body: 'text' })
    assert.deepEqual(await answer.json(), ['POST', '/a%20b/', 'x=%zz&y', 'text'])
  })

  test('derives its origin from Host, and from the headers of a proxy', async () => {
    const { url } = await serving(async ({ origin }) => ({ status: 200, body: origin }))
    assert.equal(await (await fetch(url)).text(), url)
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'a.test, b.test' }
    assert.equal(await (await fetch(url, { headers })).text(), 'https://a.test')
  })

  test('refuses a body over the limit, announced or not', async () => {
    const { url } = await serving(async ({ body }) => ({ status: 200, body: String(body.length) }), 10)
    assert.equal((await fetch(url, { method: 'POST', body: 'x'.repeat(10) })).status, 200)
    assert.equal((await fetch(url, { method: 'POST', body: 'x'.repeat(11) })).status, 413)
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('x'.repeat(11)))
        controller.close()
      },
    })
    const chunked = await fetch(url, { method: 'POST', body: stream, duplex: 'half' } as RequestInit)
    assert.equal(chunked.status, 413)
  })

  test('responds 500 without revealing the cause when its handler fails', async () => {
    const { url } = await serving(() => Promise.reject(new Error('a secret reason')))
    const answer = await fetch(url)
    assert.equal(answer.status, 500)
    assert.doesNotMatch(await answer.text(), /secret/)
  })

  test('sends no body with HEAD, 204 and 304', async () => {
    const { url } = await serving(async ({ path }) => ({ status: Number(path.slice(1)), body: 'body' }))
    assert.equal(await (await fetch(`${url}/200`, { method: 'HEAD' })).text(), '')
    for (const status of [204, 304]) assert.equal(await (await fetch(`${url}/${status}`)).text(), '')
  })

  test('that cannot listen reports where and why', async () => {
    const { address } = await serving(async () => ({ status: 200, body: '' }))
    const second = serve({
      listen: address,
      log: silentLog,
      handler: async () => ({ status: 200, headers: [], body: '' }),
    })
    await assert.rejects(second, (error: Error) => {
      assert.ok(error instanceof ListenError)
      assert.match(error.message, /^cannot listen on 127\.0\.0\.1:\d+: the port is in use by another process$/)
      return true
    })
  })

  test('lets requests in flight finish when it closes', async () => {
    const { promise: release, resolve } = Promise.withResolvers<void>()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const server = await serving(async () => {
      begin()
      await release
      return { status: 200, body: 'done' }
    })
    const answer = fetch(server.url)
    await begun
    const closed = server.close()
    resolve()
    assert.equal(await (await answer).text(), 'done')
    await closed
    await assert.rejects(fetch(server.url))
  })
})

describe('a call', () => {
  test('sends JSON and reads JSON, whatever the status', async () => {
    const { url } = await serving(async ({ headers, body }) => ({
      status: 418,
      body: JSON.stringify([headers['content-type'], JSON.parse(body.toString())]),
    }))
    const { status, json } = await call({ method: 'PUT', url, json: { a: 1 } })
    assert.equal(status, 418)
    assert.deepEqual(json, ['application/json', { a: 1 }])
  })

  test('follows no redirect', async () => {
    const server = await serve({
      listen: ANY,
      log: silentLog,
      handler: async () => ({ status: 302, headers: [['Location', 'http://127.0.0.1:1/']], body: '' }),
    })
    running.push(server)
    assert.equal((await call({ method: 'GET', url: server.url })).status, 302)
  })

  test('without a response in time fails with the limit, and without the query', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/path?token=secret`
    await assert.rejects(call({ method: 'GET', url, timeoutMs: 100 }), (error: Error) => {
      assert.ok(error instanceof CallError)
      assert.equal(error.timedOut, true)
      assert.match(error.message, /\/path: no answer within 100 ms$/)
      return true
    })
    silent.close()
  })

  test('that is refused fails with the reason', async () => {
    await assert.rejects(
      call({ method: 'GET', url: 'http://127.0.0.1:1/' }),
      /GET http:\/\/127\.0\.0\.1:1\/: ECONNREFUSED/,
    )
  })
})
