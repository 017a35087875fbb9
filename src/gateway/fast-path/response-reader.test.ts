import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ResponseHead } from '../upstream/response-head.ts'
import { type Reading, ResponseReader } from './response-reader.ts'

interface Read {
  readonly reading: Reading
  readonly heads: ResponseHead[]
  readonly interim: number[]
  readonly body: string
  readonly trailers: readonly string[]
  readonly keepMs: number
}

/** Reads a response in pieces of `size` bytes; `ends` also ends the connection after it. */
function read(text: string, { size = Number.POSITIVE_INFINITY, ends = false } = {}): Read {
  const heads: ResponseHead[] = []
  const interim: number[] = []
  let body = ''
  const reader = new ResponseReader({
    onInterim: (head) => void interim.push(head.status),
    onHead: (head) => void heads.push(head),
    onBody: (piece) => {
      body += piece.toString('latin1')
    },
  })
  reader.begin()
  const bytes = Buffer.from(text, 'latin1')
  let reading: Reading = 'more'
  for (let at = 0; at < bytes.length && reading === 'more'; at += size) {
    reading = reader.read(bytes.subarray(at, Math.min(bytes.length, at + size)))
  }
  if (ends && reading === 'more') reading = reader.end()
  return { reading, heads, interim, body, trailers: reader.trailers, keepMs: reader.keepMs }
}

const OK = 'HTTP/1.1 200 OK\r\n'

describe('a response', () => {
  const whole: Record<string, { text: string; body: string; ends?: boolean }> = {
    'with a length': { text: `${OK}Content-Length: 5\r\n\r\nhello`, body: 'hello' },
    'with the length 0': { text: `${OK}Content-Length: 0\r\n\r\n`, body: '' },
    'in chunks': {
      text: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n`,
      body: 'he0123456789',
    },
    'up to the end of the connection': { text: `${OK}\r\nhello`, body: 'hello', ends: true },
    'of HTTP/1.0': { text: 'HTTP/1.0 200 OK\r\n\r\nhello', body: 'hello', ends: true },
    'without content': { text: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', body: '' },
    'not modified': { text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', body: '' },
    'behind interim ones': {
      text: `HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`,
      body: 'x',
    },
    'with trailers': { text: `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 42\r\n\r\n`, body: 'x' },
  }
  for (const [name, { text, body, ends = false }] of Object.entries(whole)) {
    test(`${name} is read the same regardless of how its bytes are split`, () => {
      const once = read(text, { ends })
      assert.deepEqual([once.reading, once.body, once.heads.length], ['done', body, 1])
      for (let size = 1; size < text.length; size++) assert.deepEqual(read(text, { size, ends }), once)
    })
  }

  test('keeps its phrase, the order and spelling of its headers, and bytes above ASCII; whitespace around values is dropped', () => {
    const { heads } = read(
      'HTTP/1.1 200 Fine caf\xe9\r\nX-oDD: \t1 \r\nX-oDD:2\r\nX-Empty:\r\nX: caf\xe9\r\nContent-Length: 0\r\n\r\n',
    )
    assert.equal(heads[0]?.statusText, 'Fine caf\xe9')
    assert.deepEqual(heads[0]?.raw.slice(0, 8), ['X-oDD', '1', 'X-oDD', '2', 'X-Empty', '', 'X', 'caf\xe9'])
  })

  test('delivers its trailers, and the interim responses before it', () => {
    assert.deepEqual(read(whole['with trailers']?.text ?? '').trailers, ['X-Sum', '42'])
    assert.deepEqual(read(whole['behind interim ones']?.text ?? '').interim, [103, 102])
  })

  test('limits how long its connection may be kept', () => {
    const keepMs = (headers: string) => read(`${OK}${headers}Content-Length: 0\r\n\r\n`).keepMs
    assert.equal(keepMs(''), Number.POSITIVE_INFINITY)
    assert.equal(keepMs('Connection: keep-alive\r\nKeep-Alive: timeout=5, max=9\r\n'), 3_000)
    assert.equal(keepMs('Keep-Alive: timeout=2\r\n'), 0)
    assert.equal(keepMs('Connection: close\r\n'), 0)
    assert.equal(keepMs('Connection: X-Other\r\n'), 0)
    assert.equal(read('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n').keepMs, 0)
    assert.equal(read(`${OK}\r\n`, { ends: true }).keepMs, 0)
  })

  test('followed by extra bytes is complete, but its connection is not reused', () => {
    assert.equal(read(`${OK}Content-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n`).reading, 'surplus')
    assert.equal(read(`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nx`).reading, 'surplus')
    assert.equal(read(`HTTP/1.1 204 No\r\n\r\nx`).reading, 'surplus')
  })

  test('that the connection cuts short is a fault', () => {
    assert.equal(read(`${OK}Content-Length: 5\r\n\r\nhell`, { ends: true }).reading, 'fault')
    assert.equal(read(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhell`, { ends: true }).reading, 'fault')
    assert.equal(read(`${OK}Content-Len`, { ends: true }).reading, 'fault')
  })
})

const FAULTS: Record<string, string> = {
  'no HTTP': '220 mail ready\r\n\r\n',
  'another version': 'HTTP/1.2 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 99 Low\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'NUL in the phrase': 'HTTP/1.1 200 a\0b\r\n\r\n',
  'an upgrade that nobody asked for': 'HTTP/1.1 101 Up\r\n\r\n',
  'lines that end in LF alone': 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
  'a header that ends in LF alone': `${OK}X: y\nZ: z\r\n\r\n`,
  'a CR in a value': `${OK}X: y\rZ: z\r\n\r\n`,
  'NUL in a value': `${OK}X: y\0z\r\n\r\n`,
  'a folded header': `${OK}X: y\r\n z\r\n\r\n`,
  'a name with a space': `${OK}X y: z\r\n\r\n`,
  'a space before the colon': `${OK}Content-Length : 0\r\n\r\n`,
  'no colon': `${OK}Xyz\r\n\r\n`,
  'two lengths': `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`,
  'a list of lengths': `${OK}Content-Length: 1, 1\r\n\r\nx`,
  'a length with a sign': `${OK}Content-Length: +1\r\n\r\nx`,
  'a length beyond counting': `${OK}Content-Length: 99999999999999999999\r\n\r\nx`,
  'a length and chunks': `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunked twice': `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'another coding': `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'chunks in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a head over 64 KiB': `${OK}X: ${'y'.repeat(66_000)}\r\n\r\n`,
  'a chunk without a size': `${OK}Transfer-Encoding: chunked\r\n\r\n\r\n`,
  'a chunk size that is none': `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
  'a chunk size with a sign': `${OK}Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n`,
  'a chunk size with a space': `${OK}Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n`,
  'a chunk size beyond counting': `${OK}Transfer-Encoding: chunked\r\n\r\nfffffffff\r\nx\r\n`,
  'a chunk size that ends in LF alone': `${OK}Transfer-Encoding: chunked\r\n\r\n1\nx\r\n`,
  'a chunk longer than its size': `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n`,
  'a trailer that is none': `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX y: z\r\n\r\n`,
  'an extension without end': `${OK}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(17_000)}\r\n`,
}

describe('is a fault, regardless of how its bytes are split:', () => {
  for (const [name, text] of Object.entries(FAULTS)) {
    test(name, () => {
      for (const size of [1, 3, 7, Number.POSITIVE_INFINITY]) {
        if (size === 1 && text.length > 2_000) continue
        assert.equal(read(text, { size }).reading, 'fault', `in pieces of ${size}`)
      }
    })
  }
})
