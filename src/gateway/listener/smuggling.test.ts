import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import { Bed, exchangeBytes, type Side } from '../testing/test-bed.ts'

let bed: Bed
let legacy: Side
let iam: Side
let gateway: RunningGateway

before(async () => {
  bed = await Bed.make()
  ;({ legacy, iam, gateway } = await bed.whole())
})
after(() => bed.end())
beforeEach(() => {
  legacy.received.length = 0
  iam.received.length = 0
})

const HOST = 'Host: a\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const NEXT = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n'

/** Each message could be read as two different ones by two servers; `status` is the gateway's response. */
const REFUSED: Record<string, { bytes: string; status: number }> = {
  'two different lengths': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`,
  },
  'the same length twice': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`,
  },
  'a list of lengths': { status: 400, bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 2, 2\r\n\r\nhi` },
  'a signed length': { status: 400, bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: +2\r\n\r\nhi` },
  'a hexadecimal length': { status: 400, bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x2\r\n\r\nhi` },
  'an empty length': { status: 400, bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: \r\n\r\n` },
  'a length and chunks': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n${CHUNKED}\r\n0\r\n\r\n${NEXT}`,
  },
  'chunks and a length': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}${CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n${NEXT}`,
  },
  'chunked twice': { status: 400, bytes: `POST / HTTP/1.1\r\n${HOST}${CHUNKED}${CHUNKED}\r\n0\r\n\r\n` },
  'another coding before chunked': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  },
  'chunked before another coding': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  },
  'a coding that looks like chunked': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  },
  identity: { status: 400, bytes: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\n\r\n` },
  'a space before the colon': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  },
  'a tab in the coding': {
    status: 400,
    bytes: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
  },
  'chunks in HTTP/1.0': { status: 400, bytes: `POST / HTTP/1.0\r\n${HOST}${CHUNKED}\r\n0\r\n\r\n` },
  'lines that end in LF alone': { status: 400, bytes: `GET / HTTP/1.1\nHost: a\n\n` },
  'one header that ends in LF alone': { status: 400, bytes: `GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n` },
  'a CR inside a value': { status: 400, bytes: `GET / HTTP/1.1\r\n${HOST}X: b\rY: c\r\n\r\n` },
  'a folded header': { status: 400, bytes: `GET / HTTP/1.1\r\n${HOST}X: b\r\n c\r\n\r\n` },
  'a folded first header': { status: 400, bytes: `GET / HTTP/1.1\r\n ${HOST}\r\n` },
  'NUL in a value': { status: 400, bytes: `GET / HTTP/1.1\r\n${HOST}X: b\0c\r\n\r\n` },
  'a control character in a value': { status: 400, bytes: `GET / HTTP/1.1\r\n${HOST}X: b\x01c\r\n\r\n` },
  'DEL in a value': { status: 400, bytes: `GET / HTTP/1.1\r\n${HOST}X: b\x7fc\r\n\r\n` },
  'a header without a name': { status: 400, bytes: `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n` },
  'a space in a name': { status: 400, bytes: `GET / HTTP/1.1\r\n${HOST}X Y: b\r\n\r\n` },
  'two hosts': { status: 400, bytes: `GET / HTTP/1.1\r\n${HOST}Host: b\r\n\r\n` },
  'no host': { status: 400, bytes: `GET / HTTP/1.1\r\n\r\n` },
  'an empty host': { status: 400, bytes: `GET / HTTP/1.1\r\nHost:\r\n\r\n` },
  'a host with a path': { status: 400, bytes: `GET / HTTP/1.1\r\nHost: a/b\r\n\r\n` },
  'a host with a user': { status: 400, bytes: `GET / HTTP/1.1\r\nHost: x@a\r\n\r\n` },
  'a target of another host': { status: 400, bytes: `GET http://b/ HTTP/1.1\r\n${HOST}\r\n` },
  'a target of another scheme': { status: 400, bytes: `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n` },
  'a target with a fragment': { status: 400, bytes: `GET /oauth/authorize#x HTTP/1.1\r\n${HOST}\r\n` },
  'a target with a space': { status: 400, bytes: `GET /a b HTTP/1.1\r\n${HOST}\r\n` },
  'a target with a control character': { status: 400, bytes: `GET /a\x01 HTTP/1.1\r\n${HOST}\r\n` },
  'a target with a raw high byte': { status: 400, bytes: `GET /a\xff HTTP/1.1\r\n${HOST}\r\n` },
  'the asterisk form': { status: 400, bytes: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n` },
  'a version that does not exist': { status: 400, bytes: `GET / HTTP/1.2\r\n${HOST}\r\n` },
  'the preface of HTTP/2': { status: 400, bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  'a method that does not exist': { status: 400, bytes: `FOO / HTTP/1.1\r\n${HOST}\r\n` },
  CONNECT: { status: 405, bytes: `CONNECT b:443 HTTP/1.1\r\n${HOST}\r\n` },
  TRACE: { status: 405, bytes: `TRACE / HTTP/1.1\r\n${HOST}\r\n` },
  'headers over the limit': { status: 431, bytes: `GET / HTTP/1.1\r\n${HOST}X: ${'b'.repeat(33_000)}\r\n\r\n` },
  'too many headers': { status: 431, bytes: `GET / HTTP/1.1\r\n${HOST}${'a: b\r\n'.repeat(300)}\r\n` },
}

describe('a request that could be smuggled is refused, and nothing of it reaches a side', () => {
  for (const [name, { bytes, status }] of Object.entries(REFUSED)) {
    test(name, async () => {
      const answer = await exchangeBytes(gateway.url, bytes)
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer, and none to what follows')
      assert.deepEqual([...legacy.received, ...iam.received], [])
    })
  }
})

/** Bad chunks appear only in the body. For an endpoint nothing is forwarded; a stream to legacy never completes. */
const BAD_CHUNKS: Record<string, string> = {
  'no hexadecimal size': 'zz\r\nhi\r\n0\r\n\r\n',
  'a prefixed size': '0x2\r\nhi\r\n0\r\n\r\n',
  'a signed size': '+2\r\nhi\r\n0\r\n\r\n',
  'a size too small': '1\r\nhi\r\n0\r\n\r\n',
  'lines that end in LF alone': '2\nhi\n0\n\n',
  'a size beyond counting': 'fffffffffffffffff\r\nhi\r\n0\r\n\r\n',
  'a space in the size': '2 \r\nhi\r\n0\r\n\r\n',
}

describe('bad chunking is refused', () => {
  for (const [name, body] of Object.entries(BAD_CHUNKS)) {
    for (const path of ['/oauth/token', '/upload']) {
      test(`${name}, on ${path}`, async () => {
        const bytes = `POST ${path} HTTP/1.1\r\n${HOST}${CHUNKED}\r\n${body}${NEXT}`
        const answer = await exchangeBytes(gateway.url, bytes)
        assert.match(answer, /^HTTP\/1\.1 400 /)
        assert.equal(answer.split('HTTP/1.1 ').length, 2)
        assert.deepEqual([...legacy.received, ...iam.received], [])
      })
    }
  }
})

test('a target in absolute form that names this host is reduced to its path', async () => {
  const answer = await exchangeBytes(
    gateway.url,
    `GET http://A/oauth/authorize?client_id=moved HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.equal(iam.received[0]?.url, '/oauth/authorize?client_id=moved')
})

test('what follows a complete request is a separate request with its own decision', async () => {
  const first = `GET /oauth/authorize?client_id=moved HTTP/1.1\r\n${HOST}\r\n`
  const second = `GET /oauth/authorize?client_id=staying HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
  const answer = await exchangeBytes(gateway.url, first + second)
  assert.equal(answer.split('HTTP/1.1 200 OK').length, 3)
  assert.deepEqual([iam.received.length, legacy.received.length], [1, 1])
})

test('a header that Connection names is dropped, but Connection cannot remove the framing of the message', async () => {
  const bytes =
    `POST /oauth/token HTTP/1.1\r\n${HOST}Connection: close, X-Secret, Content-Length, Host, X-Forwarded-For\r\n` +
    'X-Secret: 1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n\r\nclient_id=staying'
  assert.match(await exchangeBytes(gateway.url, bytes), /^HTTP\/1\.1 200 /)
  const [request] = legacy.received
  assert.equal(request?.headers['x-secret'], undefined)
  assert.equal(request?.headers.host, 'a')
  assert.equal(request?.headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(request?.body.toString(), 'client_id=staying')
})
