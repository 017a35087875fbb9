import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Bed, exchangeBytes } from '../testing/test-bed.ts'

let bed: Bed
before(async () => {
  bed = await Bed.make()
})
after(() => bed.end())

const GO_AHEAD = 'HTTP/1.1 100 Continue\r\n\r\n'
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** What precedes the final response, and what the client sees of it. */
const SEQUENCES: ReadonlyArray<readonly [name: string, sent: string, seen: RegExp]> = [
  ['100', GO_AHEAD, /^HTTP\/1\.1 200 /],
  ['100 with headers and a strange phrase', 'HTTP/1.1 100 Go on\r\nX-A: b\r\n\r\n', /^HTTP\/1\.1 200 /],
  ['100 three times', GO_AHEAD.repeat(3), /^HTTP\/1\.1 200 /],
  ['100 behind 103', HINTS + GO_AHEAD, /^HTTP\/1\.1 103 [^\r]*\r\nLink: [^\r]*\r\n\r\nHTTP\/1\.1 200 /i],
  ['100 before 102 and 103', `${GO_AHEAD}HTTP/1.1 102 Wait\r\n\r\n${HINTS}`, /^HTTP\/1\.1 103 [\s\S]*HTTP\/1\.1 200 /i],
]

const REQUESTS: Record<string, string> = {
  'a page': 'GET /page HTTP/1.1\r\nHost: a\r\n',
  'an upload': 'POST /upload HTTP/1.1\r\nContent-Length: 4\r\nHost: a\r\n',
  'a token request':
    'POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n',
}
const BODIES: Record<string, string> = { 'an upload': 'body', 'a token request': 'client_id=staying' }

/** Responds to each request with the same bytes, in pieces of `size`. */
const answering = (text: string, size: number) => (socket: Socket) => {
  socket.setNoDelay(true)
  let asked = ''
  socket.on('data', async (chunk: Buffer) => {
    asked += chunk.toString('latin1')
    const isWhole = /\r\n\r\n(?:$|[\s\S]*(?:body|staying)$)/.test(asked)
    const needsBody = /^content-length: [1-9]/im.test(asked)
    if (!isWhole || (needsBody && asked.endsWith('\r\n\r\n'))) return
    asked = ''
    for (let at = 0; at < text.length && !socket.destroyed; at += size) {
      socket.write(text.slice(at, at + size), 'latin1')
      if (size < text.length) await new Promise((resolve) => setImmediate(resolve))
    }
  })
}

for (const fastPath of [true, false]) {
  describe(`an unrequested interim response ${fastPath ? 'with' : 'without'} the fast path`, () => {
    const ask = async (url: string, name: string, times = 1) => {
      const request = `${REQUESTS[name]}\r\n${BODIES[name] ?? ''}`
      const last = `${REQUESTS[name]}Connection: close\r\n\r\n${BODIES[name] ?? ''}`
      return exchangeBytes(url, request.repeat(times - 1) + last)
    }
    for (const name of Object.keys(REQUESTS)) {
      for (const [sequence, interim, seen] of SEQUENCES) {
        test(`does not keep the final response to ${name} from the client: ${sequence}`, async () => {
          for (const size of [1, 40, Number.POSITIVE_INFINITY]) {
            const text = interim + OK
            const legacyUrl = await bed.rawSide(answering(text, Math.min(size, text.length)))
            const gateway = await bed.gateway({ legacyUrl, iamUrl: legacyUrl, fastPath })
            const answer = await ask(gateway.url, name)
            assert.match(answer, seen, `in pieces of ${size}`)
            assert.match(answer, /\r\n\r\nok$/)
            assert.doesNotMatch(answer, /HTTP\/1\.1 10[02]/)
          }
        })
      }

      test(`is distinguished from the content of a response to ${name}, also on a reused connection`, async () => {
        const content = GO_AHEAD + OK
        const text = `${GO_AHEAD}HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`
        const legacyUrl = await bed.rawSide(answering(text, text.indexOf(content)))
        const gateway = await bed.gateway({ legacyUrl, iamUrl: legacyUrl, fastPath })
        const answers = (await ask(gateway.url, name, 3)).split(`\r\n\r\n${content}`)
        assert.equal(answers.length, 4)
        for (const head of answers.slice(0, 3)) assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
      })
    }

    test('that is not valid HTTP is an upstream failure', async () => {
      for (const interim of [
        'HTTP/1.1 100 Continue\n\n',
        'HTTP/1.1 100 Continue\r\nX y\r\n\r\n',
        'HTTP/1.1 1000\r\n\r\n',
      ]) {
        const legacyUrl = await bed.rawSide(answering(interim + OK, interim.length))
        const gateway = await bed.gateway({ legacyUrl, iamUrl: legacyUrl, fastPath })
        for (const name of ['an upload', 'a token request'])
          assert.match(await ask(gateway.url, name), /^HTTP\/1\.1 502 /)
      }
    })

    test('is not forwarded to an HTTP/1.0 client, which does not support it', async () => {
      const legacyUrl = await bed.rawSide(answering(HINTS + OK, Number.POSITIVE_INFINITY))
      const gateway = await bed.gateway({ legacyUrl, iamUrl: legacyUrl, fastPath })
      for (const path of ['/page', '/oauth/authorize?client_id=staying']) {
        const answer = await exchangeBytes(gateway.url, `GET ${path} HTTP/1.0\r\nHost: a\r\nConnection: close\r\n\r\n`)
        assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/)
      }
    })
  })
}
