import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { RunningGateway } from '../start.ts'
import { Bed, exchangeBytes } from '../testing/test-bed.ts'

/** An upstream response to replay for each request: its pieces, and whether the connection ends after them. */
interface Answer {
  readonly pieces: readonly Buffer[]
  readonly ends: boolean
}

const CASES = Number(process.env['HANDOVER_TEST_CASES'] ?? 1_500)
const WORKERS = 12
const QUIET_MS = 60
const PAUSE_MS = 300
const LONG_QUIET_MS = 900
/** A response of a starved machine has ended after this silence; only a real difference waits for it. */
const LONGEST_QUIET_MS = 15_000
const limits = { iamHeadersMs: 250, legacyHeadersMs: 250, bodyIdleMs: 250 }

/** Two gateways, with and without the fast path, in front of an upstream that replays given responses. */
class Stage {
  readonly bed: Bed
  readonly #gateways: RunningGateway[] = []
  answer: Answer = { pieces: [], ends: true }

  private constructor(bed: Bed) {
    this.bed = bed
  }

  static async make(): Promise<Stage> {
    const stage = new Stage(await Bed.make())
    for (const fastPath of [true, false]) {
      const legacyUrl = await stage.bed.rawSide((socket) => stage.#play(socket))
      const iamUrl = await stage.bed.rawSide((socket) => stage.#play(socket))
      const breaker = { consecutiveFailures: 1e9, windowMinimum: 1e9 }
      stage.#gateways.push(await stage.bed.gateway({ legacyUrl, iamUrl, fastPath, limits, breaker }))
    }
    return stage
  }

  /** What a client sees of the response with and without the fast path. */
  ask(request: string, quietMs: number): Promise<string[]> {
    const pauseMs = Math.max(quietMs, PAUSE_MS)
    return Promise.all(
      this.#gateways.map(async ({ url }) => canonical(await exchangeBytes(url, request, quietMs, pauseMs))),
    )
  }

  #play(socket: Socket): void {
    socket.on('data', async () => {
      for (const piece of this.answer.pieces) {
        if (!socket.destroyed) socket.write(piece)
        if (this.answer.pieces.length > 1) await new Promise((resolve) => setTimeout(resolve, 3))
      }
      if (this.answer.ends) socket.end()
    })
  }
}

/**
 * A response without what may differ: the time, the gateway's ids, whitespace after a value, the reason phrase, chunk
 * boundaries.
 */
function canonical(text: string): string {
  const [, head = '', body = ''] = /^((?:HTTP\/1\.1 103[\s\S]*?\r\n\r\n)*[\s\S]*?\r\n\r\n)([\s\S]*)$/.exec(text) ?? []
  const plain = head
    .replace(/^(Date|X-Request-Id): .*$/gm, '$1')
    .replace(/[ \t]+(?=\r$)/gm, '')
    .replace(/^(HTTP\/1\.1 \d{3}).*$/gm, '$1')
  return plain + (/^Transfer-Encoding: chunked/m.test(head) ? joinedChunks(body) : body)
}

function joinedChunks(body: string): string {
  let joined = ''
  let rest = body
  for (let match = /^([0-9a-f]+)\r\n/.exec(rest); match; match = /^([0-9a-f]+)\r\n/.exec(rest)) {
    const from = match[0].length
    const size = Number.parseInt(match[1] ?? '', 16)
    if (size === 0) return `${joined}<end>${rest.slice(from)}`
    joined += rest.slice(from, from + size)
    rest = rest.slice(from + size + 2)
  }
  return `${joined}<cut>${rest}`
}

let stages: Stage[]
before(async () => {
  stages = await Promise.all(Array.from({ length: WORKERS }, () => Stage.make()))
})
after(() => Promise.all(stages.map((stage) => stage.bed.end())))

const oneOf = <T>(...items: readonly T[]) => fc.constantFrom(...items)
const mostly = <T>(usual: T, ...odd: readonly T[]) =>
  fc.oneof({ weight: 10, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...odd) })

const header = fc.oneof(
  {
    weight: 8,
    arbitrary: oneOf(
      ...[
        'Server: nginx',
        'Content-Type: application/json',
        'Set-Cookie: a=1; Path=/',
        'Set-Cookie: _iam_a=1',
        'X-oDD:  a  b ',
      ],
      ...[
        'Location: http://127.0.0.1:1/x',
        'Date: Sun, 22 Nov 2026 23:42:24 GMT',
        'Connection: keep-alive',
        'Keep-Alive: timeout=5',
      ],
      ...['X-Latin: caf\xe9', 'X-Empty:', 'X:y', 'Vary: a', 'Vary: b', 'Connection: close', 'Cache-Control: no-store'],
    ),
  },
  {
    weight: 1,
    arbitrary: oneOf(
      ...[
        'Transfer-Encoding: chunked',
        'Transfer-Encoding: gzip, chunked',
        'Transfer-Encoding: identity',
        'Content-Length: 3',
      ],
      ...[
        'Content-Length: 3, 3',
        'Content-Length: +3',
        'Content-Length: 0x3',
        'Content-Length:',
        'Content-Length : 3',
        'X: a\0b',
        'X: a\rY: b',
      ],
      ...[
        'X: a\nY: b',
        ' folded',
        'X y: z',
        ': z',
        'no colon',
        'Upgrade: h2c',
        'Connection: X-oDD',
        'Trailer: X-Sum',
        'Keep-Alive: timeout=0',
      ],
    ),
  },
)

const answer = fc
  .record({
    version: mostly('HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2', 'http/1.1', 'ICY'),
    status: mostly(
      '200 OK',
      '200',
      '200 ',
      '204 No Content',
      '304 Not Modified',
      '302 Found',
      '400 Bad Request',
      '99 Low',
      '1000 High',
      '103 Early Hints',
      '101 Up',
      '200 a\0b',
      '503 No',
    ),
    headers: fc.array(header, { maxLength: 5 }),
    framing: oneOf('length', 'length', 'length', 'chunks', 'chunks', 'close', 'short', 'long', 'both'),
    body: oneOf(
      '',
      'ok',
      '{"error":"invalid_grant"}',
      '{"access_token":"x"}',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      'x'.repeat(20_000),
      '\0\xff\x80',
    ),
    chunk: mostly(
      'plain',
      'extension',
      'no-size',
      'space',
      'lf',
      'trailer',
      'bad-trailer',
      'unfinished',
      'upper',
      'huge',
    ),
    interim: mostly(
      '',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
      'HTTP/1.1 102 Wait\r\nX: y\r\n\r\n',
    ),
    after: mostly('', 'X', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil', '\r\n'),
    eol: mostly('\r\n', '\n', '\r\r\n'),
    cuts: fc.oneof(
      { weight: 3, arbitrary: fc.constant<number[]>([]) },
      { weight: 1, arbitrary: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }) },
    ),
    ends: fc.boolean(),
  })
  .map(({ version, status, headers, framing, body, chunk, interim, after, eol, cuts, ends }) => {
    const lines = [`${version} ${status}`, ...headers]
    const off = framing === 'short' ? 2 : framing === 'long' ? -1 : 0
    if (['length', 'short', 'long', 'both'].includes(framing))
      lines.push(`Content-Length: ${Math.max(0, body.length + off)}`)
    const isChunked = framing === 'chunks' || framing === 'both'
    if (isChunked) lines.push('Transfer-Encoding: chunked')
    const text = `${interim}${lines.join(eol)}${eol}${eol}${isChunked ? chunked(body, chunk) : body}${after}`
    const bytes = Buffer.from(text, 'latin1')
    const places = cuts.map((cut) => cut % Math.max(1, bytes.length)).sort((a, b) => a - b)
    const pieces = [...places, bytes.length].map((place, index) =>
      bytes.subarray(index === 0 ? 0 : places[index - 1], place),
    )
    return { pieces, ends: ends || framing === 'close' }
  })

function chunked(body: string, kind: string): string {
  const middle = body.length >> 1
  const piece = (part: string) => {
    const size = part.length.toString(16)
    switch (kind) {
      case 'extension':
        return `${size};a=b\r\n${part}\r\n`
      case 'no-size':
        return `zz\r\n${part}\r\n`
      case 'space':
        return `${size} \r\n${part}\r\n`
      case 'lf':
        return `${size}\n${part}\n`
      case 'upper':
        return `${size.toUpperCase()}\r\n${part}\r\n`
      case 'huge':
        return `fffffffffffffffff\r\n${part}\r\n`
      default:
        return `${size}\r\n${part}\r\n`
    }
  }
  const parts = [body.slice(0, middle), body.slice(middle)]
    .filter((part) => part !== '')
    .map(piece)
    .join('')
  if (kind === 'unfinished') return parts
  return `${parts}0\r\n${kind === 'trailer' ? 'X-Sum: 42\r\n' : kind === 'bad-trailer' ? 'X Sum\r\n' : ''}\r\n`
}

const REQUESTS = [
  'GET /oauth/authorize?client_id=staying HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /oauth/authorize?client_id=moved HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\ncode=gliamac-1',
  'POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\nclient_id=staying',
]

/**
 * Whether the client sees the same with and without the fast path, or the fast path forwarded nothing of a malformed response. If a
 * response is cut off before its body, a client may or may not have the head, depending on when the gateway noticed.
 */
function isAsGood(fast: string, ordinary: string): boolean {
  if (fast === '' && ordinary.endsWith('\r\n\r\n<cut>')) return true
  return fast === ordinary || /^(?:HTTP\/1\.1 103[\s\S]*?\r\n\r\n)*HTTP\/1\.1 50[234]\r/.test(fast)
}

describe('any response of an upstream', () => {
  test('reaches the client the same with and without the fast path, or the fast path refuses it; it never becomes two responses', async () => {
    const cases = fc.sample(answer, { numRuns: CASES, seed: 20_261_123 })
    let next = 0
    let refusedAlone = 0
    const wrong: string[] = []
    await Promise.all(
      stages.map(async (stage) => {
        for (let index = next++; index < cases.length; index = next++) {
          const request = REQUESTS[index % REQUESTS.length] as string
          stage.answer = cases[index] as Answer
          let [fast = '', ordinary = ''] = await stage.ask(request, QUIET_MS)
          if (fast !== ordinary) [fast = '', ordinary = ''] = await stage.ask(request, LONG_QUIET_MS)
          if (!isAsGood(fast, ordinary)) [fast = '', ordinary = ''] = await stage.ask(request, LONGEST_QUIET_MS)
          const played = stage.answer.pieces.map((piece) => JSON.stringify(piece.toString('latin1').slice(0, 300)))
          if (!isAsGood(fast, ordinary))
            wrong.push(
              `case ${index}: ${played.join(' + ')}\n${JSON.stringify(fast.slice(0, 300))}\n${JSON.stringify(ordinary.slice(0, 300))}`,
            )
          if (fast !== ordinary) refusedAlone++
        }
      }),
    )
    assert.deepEqual(wrong, [])
    assert.ok(refusedAlone < CASES / 4, `${refusedAlone} answers were refused by the fast path alone`)
  })
})
