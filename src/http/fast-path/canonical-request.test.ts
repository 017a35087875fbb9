import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readCanonicalRequest } from './canonical-request.ts'

const read = (text: string) => readCanonicalRequest(Buffer.from(text, 'latin1'))
const HEAD = 'GET /oauth/authorize?client_id=a HTTP/1.1\r\nHost: a\r\n'

describe('a canonical request', () => {
  test('is read with its target, its headers as spelled and its body', () => {
    const request = read('POST /oauth/token HTTP/1.1\r\nHost: a:1\r\nX-oDD: a b\tc\r\nContent-Length: 3\r\n\r\nx=\xff')
    assert.equal(request?.method, 'POST')
    assert.equal(request?.url, '/oauth/token')
    assert.deepEqual(request?.rawHeaders, ['Host', 'a:1', 'X-oDD', 'a b\tc', 'Content-Length', '3'])
    assert.equal(request?.body?.toString('latin1'), 'x=\xff')
    assert.deepEqual([request?.isWhole, request?.keepsAlive], [true, true])
  })

  test('closes its connection only if it requests close', () => {
    assert.equal(read(`${HEAD}Connection: keep-alive\r\n\r\n`)?.keepsAlive, true)
    assert.equal(read(`${HEAD}Connection: close\r\n\r\n`)?.keepsAlive, false)
  })

  test('is incomplete while bytes of its body are missing', () => {
    const request = read('POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx=')
    assert.deepEqual([request?.isWhole, request?.body], [false, undefined])
  })

  test('may have an empty body with an explicit length', () => {
    assert.equal(read('POST /oauth/revoke HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')?.body?.length, 0)
  })
})

/** Each belongs to another parser. */
const OTHER: Record<string, string> = {
  nothing: '',
  'a head that is not complete': HEAD,
  'a head without its last byte': `${HEAD}\r`,
  'another method': `HEAD${HEAD.slice(3)}\r\n`,
  'a method in lower case': `get${HEAD.slice(3)}\r\n`,
  'an empty line before it': `\r\n${HEAD}\r\n`,
  'two spaces after the method': `${HEAD.replace('GET ', 'GET  ')}\r\n`,
  'a target that does not begin with a slash': `${HEAD.replace(' /', ' x/')}\r\n`,
  'a target with a fragment': `${HEAD.replace('?', '#')}\r\n`,
  'a target with a high byte': `${HEAD.replace('?', '\xff')}\r\n`,
  'a target with a tab': `${HEAD.replace('?', '\t')}\r\n`,
  'another version': `${HEAD.replace('1.1', '1.0')}\r\n`,
  'a version with something behind it': `${HEAD.replace('1.1', '1.1 ')}\r\n`,
  'a line that ends in LF alone': `${HEAD}X: y\n\r\n`,
  'a line that ends in CR alone': `${HEAD}X: y\rZ: z\r\n\r\n`,
  'an empty line that ends in LF alone': `${HEAD}\n`,
  'a folded line': `${HEAD}X: y\r\n z\r\n\r\n`,
  'a name with a space': `${HEAD}X y: z\r\n\r\n`,
  'a space before the colon': `${HEAD}X : z\r\n\r\n`,
  'no name': `${HEAD}: z\r\n\r\n`,
  'no colon': `${HEAD}Xyz\r\n\r\n`,
  'no space after the colon': `${HEAD}X:y\r\n\r\n`,
  'two spaces after the colon': `${HEAD}X:  y\r\n\r\n`,
  'an empty value': `${HEAD}X: \r\n\r\n`,
  'a space at the end of a value': `${HEAD}X: y \r\n\r\n`,
  'two spaces in a value': `${HEAD}X: y  z\r\n\r\n`,
  'a control character in a value': `${HEAD}X: y\x01z\r\n\r\n`,
  'NUL in a value': `${HEAD}X: y\0z\r\n\r\n`,
  'DEL in a value': `${HEAD}X: y\x7fz\r\n\r\n`,
  'a high byte in a value': `${HEAD}X: caf\xe9\r\n\r\n`,
  'a GET with a length': `${HEAD}Content-Length: 0\r\n\r\n`,
  'a POST without a length': `${HEAD.replace('GET', 'POST')}\r\n`,
  'two lengths': `${HEAD.replace('GET', 'POST')}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`,
  'a length with a sign': `${HEAD.replace('GET', 'POST')}Content-Length: +1\r\n\r\nx`,
  'a length with a leading zero': `${HEAD.replace('GET', 'POST')}Content-Length: 01\r\n\r\nx`,
  'a length over 64 KiB': `${HEAD.replace('GET', 'POST')}Content-Length: 65537\r\n\r\n`,
  'a transfer coding': `${HEAD.replace('GET', 'POST')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a length and a transfer coding': `${HEAD.replace('GET', 'POST')}Content-Length: 1\r\ntransfer-encoding: x\r\n\r\nx`,
  'an expectation': `${HEAD}Expect: 100-continue\r\n\r\n`,
  'an upgrade': `${HEAD}Upgrade: websocket\r\n\r\n`,
  'trailers announced': `${HEAD}Trailer: X\r\n\r\n`,
  'TE in any case': `${HEAD}tE: trailers\r\n\r\n`,
  'a word about a connection to a proxy': `${HEAD}Proxy-Connection: close\r\n\r\n`,
  'keep-alive in another case': `${HEAD}Connection: Keep-Alive\r\n\r\n`,
  'a connection that names headers': `${HEAD}Connection: close, X\r\n\r\n`,
  'two connections': `${HEAD}Connection: close\r\nConnection: close\r\n\r\n`,
  'bytes behind a GET': `${HEAD}\r\nG`,
  'bytes behind a body': `${HEAD.replace('GET', 'POST')}Content-Length: 1\r\n\r\nxy`,
  'a head over 16 KiB': `${HEAD}X: ${'y'.repeat(17_000)}\r\n\r\n`,
}

describe('is left to another parser:', () => {
  for (const [name, text] of Object.entries(OTHER)) {
    test(name, () => assert.equal(read(text), undefined))
  }
})

test('no byte of a head can become a control character or a high byte and still be accepted', () => {
  const head = Buffer.from(`${HEAD}X: y\r\n\r\n`, 'latin1')
  const ends = new Set([...head].flatMap((byte, at) => (byte === 13 || byte === 10 ? [at] : [])))
  for (let at = 0; at < head.length; at++) {
    for (const byte of [0, 1, 9, 10, 11, 13, 127, 128, 255]) {
      const changed = Buffer.from(head)
      changed[at] = byte
      if (ends.has(at) && byte === head[at]) continue
      const request = readCanonicalRequest(changed)
      assert.equal(request, undefined, `byte ${byte} at ${at}`)
    }
  }
})
