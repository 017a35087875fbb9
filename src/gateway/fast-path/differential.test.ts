import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { RunningGateway } from '../start.ts'
import { Bed, type Received, type Side } from '../testing/test-bed.ts'

/** A gateway with both its sides. */
interface Whole {
  readonly bed: Bed
  readonly gateway: RunningGateway
  readonly legacy: Side
  readonly iam: Side
}

/** What a client and the two sides saw of one connection, without what differs from run to run. */
interface Seen {
  readonly answer: string
  readonly received: readonly string[]
  readonly records: readonly string[]
}

const CASES = Number(process.env['HANDOVER_TEST_CASES'] ?? 4_000)
const WORKERS = 16
/** How long a conversation must be silent to count as over, and how long the log may take after it. */
const ROUNDS = [
  { quietMs: 40, patienceMs: 0 },
  { quietMs: 700, patienceMs: 2_000 },
  { quietMs: 5_000, patienceMs: 10_000 },
]
let pairs: Array<{ fast: Whole; ordinary: Whole }>
let taken = 0

before(async () => {
  pairs = await Promise.all(
    Array.from({ length: WORKERS }, async () => ({ fast: await whole(true), ordinary: await whole(false) })),
  )
})
after(() => Promise.all(pairs.flatMap(({ fast, ordinary }) => [fast.bed.end(), ordinary.bed.end()])))

async function whole(fastPath: boolean): Promise<Whole> {
  const bed = await Bed.make()
  return { bed, ...(await bed.whole({ fastPath, limits: { requestBodyMs: 300 } })) }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Runs a conversation on one connection; returns a function that reports what has been received and recorded so far.
 */
async function converseIn(world: Whole, pieces: readonly Buffer[], quietMs: number): Promise<() => Promise<Seen>> {
  const { bed, gateway, legacy, iam } = world
  for (const side of [legacy, iam]) side.received.length = 0
  bed.lines.length = 0
  const answer = await converse(gateway.address.port, pieces, quietMs)
  return async () => {
    const records = (await bed.records('decisions')).map(({ time, correlation_id, duration_ms, ...rest }) =>
      JSON.stringify(rest),
    )
    // Whether a request that its client cancelled had already been sent is a matter of microseconds.
    const isBrokenOff = records.some((record) => record.includes('"status":499'))
    const received = isBrokenOff ? [] : requestsOf(legacy, iam).map(({ text }) => text)
    return { answer, received: received.sort(), records: records.sort() }
  }
}

/** Client requests that reached both sides, in a form that is equal for both transports, and whether each took the fast path. */
function requestsOf(...sides: readonly Side[]): Array<{ readonly text: string; readonly wasFast: boolean }> {
  return sides.flatMap((side) =>
    side.received.filter(isOfClient).map((request) => {
      const headers: string[] = []
      for (let at = 0; at < request.rawHeaders.length; at += 2) {
        const name = request.rawHeaders[at] as string
        const value = request.rawHeaders[at + 1] === side.host ? 'its own address' : request.rawHeaders[at + 1]
        if (!/^x-request-id$/i.test(name)) headers.push(`${name.toLowerCase()}: ${value}`)
      }
      headers.sort((a, b) => (a.split(':')[0] ?? '').localeCompare(b.split(':')[0] ?? ''))
      const text = [side.name, request.method, request.url, ...headers, request.body.toString('latin1')].join('\n')
      // The transports spell the header of their own connections differently.
      return { text, wasFast: request.rawHeaders.includes('Connection') }
    }),
  )
}

/** The gateway also fetches signing keys on its own schedule, with an origin that no browser has. */
function isOfClient({ headers }: Received): boolean {
  return headers.origin !== 'https://origin.invalid'
}

function converse(port: number, pieces: readonly Buffer[], quietMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let text = ''
    const finish = () => {
      clearTimeout(timer)
      // A plain end would let requests in flight be answered during the next case.
      socket.resetAndDestroy()
      resolve(text.replace(/^(Date|X-Request-Id): .*$/gm, '$1'))
    }
    let timer = setTimeout(finish, quietMs + 200)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(finish, quietMs)
    })
    socket.on('error', () => {}).on('close', finish)
    socket.on('connect', async () => {
      for (const piece of pieces) {
        if (!socket.destroyed) socket.write(piece)
        await pause(3)
      }
      clearTimeout(timer)
      timer = setTimeout(finish, quietMs)
    })
  })
}

/**
 * Runs both transports on one case. If they differ, repeats it up to twice with more time, so that a slow machine makes no
 * difference, and waits for late records while the two differ.
 */
async function compare(pair: { fast: Whole; ordinary: Whole }, pieces: readonly Buffer[]): Promise<void> {
  for (const { quietMs, patienceMs } of ROUNDS) {
    const looks = await Promise.all([
      converseIn(pair.fast, pieces, quietMs),
      converseIn(pair.ordinary, pieces, quietMs),
    ])
    for (const until = performance.now() + patienceMs; ; ) {
      const [fast, ordinary] = await Promise.all(looks.map((look) => look()))
      if (isDeepStrictEqual(fast, ordinary)) {
        taken += requestsOf(pair.fast.legacy, pair.fast.iam).filter(({ wasFast }) => wasFast).length
        return
      }
      if (performance.now() < until) continue
      if (patienceMs === ROUNDS.at(-1)?.patienceMs) assert.deepEqual(fast, ordinary)
      break
    }
  }
}

const FORM = 'Content-Type: application/x-www-form-urlencoded'
const oneOf = <T>(...items: readonly T[]) => fc.constantFrom(...items)
const mostly = <T>(usual: T, ...odd: readonly T[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...odd) })

const path = fc.oneof(
  { weight: 8, arbitrary: oneOf('/oauth/authorize', '/oauth/token', '/oauth/revoke', '/oauth/introspect') },
  {
    weight: 3,
    arbitrary: oneOf(
      ...[
        '/oauth/token.json',
        '//oauth/token',
        '/oauth/token/',
        '/o/x/oauth/authorize',
        '/oauth%2Ftoken',
        '/oauth/t%6fken',
      ],
      ...[
        '/oauth/discovery/keys',
        '/',
        '/a/../oauth/token',
        '/oauth/authorize#x',
        'http://a/oauth/authorize',
        '*',
        '/ oauth',
      ],
      ...[
        '/oauth/token\xff',
        '/oauth/device',
        '/oauth/device/x',
        '/oauth/userinfo',
        '/oauth/token/info',
        '/oauth/token\t',
      ],
    ),
  },
)
const query = fc.oneof(
  {
    weight: 6,
    arbitrary: oneOf('?client_id=moved', '?client_id=staying', '?client_id=moved&response_type=code&state=a%20b'),
  },
  {
    weight: 3,
    arbitrary: oneOf(
      ...[
        '',
        '?',
        '??',
        '?client_id=moved&client_id=staying',
        '?client_id=%zz',
        '?client_id=moved&code=gliamac-1',
        '?a"b{c}|\\^`',
      ],
      ...[
        '?client_id=not-replicated',
        '?client_id=unknown',
        '?client_id=moved;client_id=staying',
        '?%00',
        '?client_id[]=moved',
      ],
    ),
  },
)
const form = oneOf(
  ...[
    'grant_type=client_credentials&client_id=moved',
    'client_id=staying',
    'grant_type=refresh_token&refresh_token=gliamrt-1',
  ],
  ...[
    '',
    'token=gliamat-1',
    'client_id=moved&client_id=staying',
    '{"client_id":"moved"}',
    'client_id=mo\xffved',
    'a=\0',
  ],
  ...['grant_type=authorization_code&code=gliamac-1&client_id=moved', 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n'],
)
const plainHeader = oneOf(
  ...[
    'User-Agent: curl/8.0 (a; b)',
    'Accept: */*',
    'Accept: text/html',
    'Cookie: _session=1; _iam_flow=2',
    'Cookie: _iam_a=1',
  ],
  ...[
    'Authorization: Basic bW92ZWQ6c2VjcmV0',
    'Authorization: Bearer gliamat-x',
    'X-Forwarded-For: 1.2.3.4',
    'Forwarded: for=1',
  ],
  ...[
    'X-Forwarded-Proto: https',
    'X-Request-Id: mine',
    'Gitlab-Workhorse-Api-Request: x',
    'gitlab-iam-auth-token: x',
    'X-Real-IP: 1',
  ],
  ...[
    'Connection: keep-alive',
    'Connection: close',
    'X-Custom: a\tb',
    'traceparent: 00-1-2-01',
    FORM,
    'Content-Type: application/json',
  ],
  ...[
    'X_Forwarded_For: 1',
    'content_length: 9',
    'Accept-Encoding: gzip, br',
    'Origin: https://a',
    'If-None-Match: "x"',
  ],
)
const oddHeader = oneOf(
  ...[
    'Connection: Keep-Alive',
    'Connection: close, X-Custom',
    'Connection: keep-alive, Content-Length',
    'Connection: upgrade',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'transfer-encoding: Chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding:',
    'TE: trailers',
  ],
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding: chunked, identity',
    'Content-Length: 5',
    'Content-Length: 0',
    'Content-Length: +1',
  ],
  ...[
    'Content-Length: 5, 5',
    'Content-Length: 0x3',
    'Content-Length: 05',
    'Content-Length:',
    'Content-Length: 99999999999999999999',
  ],
  ...[
    'Expect: 100-continue',
    'Upgrade: websocket',
    'Upgrade: h2c',
    'Trailer: X',
    'Keep-Alive: timeout=1',
    'Proxy-Connection: close',
  ],
  ...[
    'Host: b',
    'Host: a',
    'host: a:1',
    'X: ',
    'X:',
    'X:y',
    'X:  y',
    'X: y ',
    'X: a  b',
    'X: \x01',
    'X: \x7f',
    'X: caf\xe9',
    'X y: z',
    ': z',
    ' folded',
  ],
  ...[
    '\tfolded',
    'X: a\rY: b',
    'X: a\nY: b',
    'X\0: y',
    'Content-Type: text/plain',
    'Content-Length : 3',
    'HTTP2-Settings: x',
    `X: ${'y'.repeat(17_000)}`,
  ],
)
const header = fc.oneof({ weight: 14, arbitrary: plainHeader }, { weight: 1, arbitrary: oddHeader })

const request = fc
  .record({
    method: fc.oneof(
      { weight: 10, arbitrary: oneOf('GET', 'POST') },
      { weight: 1, arbitrary: oneOf('HEAD', 'PUT', 'get', 'DELETE', 'OPTIONS', 'FOO', '') },
    ),
    path,
    query,
    version: mostly('HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP/1.11'),
    host: mostly(
      'Host: a',
      'Host: a:8080',
      'Host: [::1]:80',
      'host: A',
      'Host: a/b',
      'Host:',
      'Host: a b',
      'X: nohost',
      'Host: x@a',
    ),
    headers: fc.array(header, { maxLength: 5 }),
    length: mostly('true', 'longer', 'shorter', 'missing', 'chunked', 'both'),
    body: form,
    eol: mostly('\r\n', '\n', '\r\r\n', '\r'),
  })
  .map(({ method, path, query, version, host, headers, length, body, eol }) => {
    const lines = [`${method} ${path}${query} ${version}`, host, ...headers]
    const hasBody = method !== 'GET' && method !== 'HEAD'
    const chunked = length === 'chunked' || length === 'both'
    const off = length === 'longer' ? 2 : length === 'shorter' ? -1 : 0
    if (hasBody && length !== 'missing' && length !== 'chunked')
      lines.push(`Content-Length: ${Math.max(0, body.length + off)}`)
    if (hasBody && chunked) lines.push('Transfer-Encoding: chunked')
    const sent = !hasBody ? '' : chunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body
    return `${lines.join(eol)}${eol}${eol}${sent}`
  })

/** Adds, removes or changes single bytes. */
/** Position, byte and kind of one change. */
type Mutation = { readonly at: number; readonly byte: number; readonly kind: string }
const mutation = fc.record({
  at: fc.nat(),
  byte: oneOf(0, 9, 10, 13, 32, 35, 44, 48, 58, 65, 127, 233),
  kind: oneOf('put', 'add', 'cut'),
})

function mutate(bytes: Buffer, { at, byte, kind }: Mutation): Buffer {
  const place = bytes.length === 0 ? 0 : at % bytes.length
  const middle = kind === 'cut' ? [] : [byte]
  return Buffer.concat([
    bytes.subarray(0, place),
    Buffer.from(middle),
    bytes.subarray(place + (kind === 'add' ? 0 : 1)),
  ])
}

const connection = fc
  .record({
    first: request,
    follower: fc.oneof(
      { weight: 6, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: request },
      { weight: 1, arbitrary: oneOf('\r\n', 'X', '\0') },
    ),
    mutations: fc.oneof(
      { weight: 3, arbitrary: fc.constant<Mutation[]>([]) },
      { weight: 1, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 2 }) },
    ),
    cuts: fc.oneof(
      { weight: 4, arbitrary: fc.constant<number[]>([]) },
      { weight: 1, arbitrary: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }) },
    ),
  })
  .map(({ first, follower, mutations, cuts }) => {
    let head: Buffer = Buffer.from(first, 'latin1')
    for (const one of mutations) head = mutate(head, one)
    const bytes = Buffer.concat([head, Buffer.from(follower, 'latin1')])
    // What follows a request arrives together with its end, so that both transports see it at the same time.
    const places = cuts.map((cut) => cut % Math.max(1, head.length)).sort((a, b) => a - b)
    return [...places, bytes.length].map((place, index) => bytes.subarray(index === 0 ? 0 : places[index - 1], place))
  })

describe('with the fast path and without it', () => {
  test('any connection has the same result for the client, for both sides and in the log', async () => {
    const cases = fc.sample(connection, { numRuns: CASES, seed: 20_261_122 })
    let next = 0
    await Promise.all(
      pairs.map(async (pair) => {
        for (let index = next++; index < cases.length; index = next++) {
          const pieces = cases[index] as Buffer[]
          await compare(pair, pieces).catch((error: unknown) => {
            const bytes = pieces.map((piece) => JSON.stringify(piece.toString('latin1'))).join(' + ')
            throw new Error(`case ${index} differs: ${bytes}\n${(error as Error).message}`, { cause: error })
          })
        }
      }),
    )
    assert.ok(taken > CASES / 10, `the fast path took only ${taken} requests`)
  })
})
