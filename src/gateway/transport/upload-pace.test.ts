import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Bed, until } from '../testing/test-bed.ts'

let bed: Bed
before(async () => {
  bed = await Bed.make()
})
after(() => bed.end())

const GRACE_MS = 240

/** Sends a byte every few milliseconds, until the gateway responds. */
async function drip(url: string, head: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect(Number(port), hostname).on('error', () => {})
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1')
  })
  socket.write(`${head}\r\n\r\n`)
  const dripping = setInterval(() => socket.writable && socket.write('a'), 10)
  try {
    await until(() => answer.includes('\r\n\r\n') || socket.destroyed)
  } finally {
    clearInterval(dripping)
    socket.destroy()
  }
  return answer
}

describe('an upload', () => {
  test('that drips forever gets a 408, and its upstream request is aborted', async () => {
    const { legacy, gateway } = await bed.whole({ limits: { bodyIdleMs: GRACE_MS } })
    let wasCut = false
    legacy.server.prependListener('request', (message: IncomingMessage) => {
      message.on('close', () => {
        wasCut ||= !message.complete
      })
    })
    const answer = await drip(gateway.url, 'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000')
    assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*\r\nConnection: close\r\n/)
    await until(() => wasCut)
    assert.equal(legacy.received.length, 0)
  })

  test('to an OAuth endpoint gets a 408 if it is incomplete after its time limit, with and without the fast path', async () => {
    for (const fastPath of [true, false]) {
      const { legacy, gateway } = await bed.whole({ fastPath, limits: { requestBodyMs: GRACE_MS } })
      const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000'
      const answer = await drip(gateway.url, `POST /oauth/token HTTP/1.1\r\nHost: a\r\n${form}`)
      assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*"error":"invalid_request"/)
      assert.equal(legacy.received.length, 0)
    }
  })

  test('that is slow but makes progress passes completely, however long it takes', async () => {
    const { legacy, gateway } = await bed.whole({ limits: { bodyIdleMs: GRACE_MS, minUploadRate: 1_000 } })
    const sent = request(`${gateway.url}/upload`, { method: 'POST' })
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>
    const piece = Buffer.alloc(4_000, 'a')
    for (let i = 0; i < 40; i++) {
      sent.write(piece)
      await new Promise((resolve) => setTimeout(resolve, GRACE_MS / 12))
    }
    sent.end()
    const [answer] = await answered
    answer.resume()
    assert.deepEqual([answer.statusCode, legacy.received[0]?.body.length], [200, 160_000])
  })

  test('is not penalized for an upstream that reads nothing for a while', async () => {
    let seen: IncomingMessage | undefined
    const slow = createServer((message, response) => {
      seen = message
      message.on('end', () => response.end('done'))
    })
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
    const legacyUrl = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
    const gateway = await bed.gateway({ legacyUrl, limits: { bodyIdleMs: GRACE_MS, minUploadRate: 1_000_000 } })
    const sent = request(`${gateway.url}/upload`, { method: 'POST', headers: { 'content-length': 64 << 20 } })
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>
    sent.end(Buffer.alloc(64 << 20))
    await until(() => seen !== undefined)
    await new Promise((resolve) => setTimeout(resolve, GRACE_MS * 4))
    seen?.resume()
    const [answer] = await answered
    answer.resume()
    assert.equal(answer.statusCode, 200)
    slow.close()
    slow.closeAllConnections()
  })

  test('may drip if no rate is set', async () => {
    const { legacy, gateway } = await bed.whole({ limits: { bodyIdleMs: GRACE_MS, minUploadRate: 0 } })
    const sent = request(`${gateway.url}/upload`, { method: 'POST' })
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>
    for (let i = 0; i < 30; i++) {
      sent.write('a')
      await new Promise((resolve) => setTimeout(resolve, GRACE_MS / 12))
    }
    sent.end()
    const [answer] = await answered
    answer.resume()
    assert.deepEqual([answer.statusCode, legacy.received[0]?.body.length], [200, 30])
  })
})
