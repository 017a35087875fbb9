import { readCanonicalRequest } from '../../src/http/index.ts'
import type { Llhttp } from './llhttp.ts'
import { mutate } from './mutate.ts'
import type { Random } from './random.ts'

const TARGETS = [
  ...['/oauth/authorize?client_id=a&state=b', '/oauth/token', '/oauth/introspect', '/', '/a%20b?c=%00', '/a?b#c'],
  ...['*', 'http://a/oauth/token', '/a b', '/\xe9', '//a', '/oauth/authorize?a=1;b=2', '/a\tb', '/"<>`{}|\\^[]'],
]
const PLAIN = [
  ...['User-Agent: curl/8.0 (a; b)', 'Accept: */*', 'Cookie: _session=1; _iam_flow=2', 'X-Custom: a\tb'],
  ...['Authorization: Basic bW92ZWQ6c2VjcmV0', 'Content-Type: application/x-www-form-urlencoded', 'X_Odd: 1'],
  ...['Connection: keep-alive', 'Connection: close', 'X-Request-Id: mine', 'Accept-Encoding: gzip, br', 'Origin: null'],
]
const ODD = [
  ...['Connection: Keep-Alive', 'Connection: close, X', 'Connection: upgrade', 'Transfer-Encoding: chunked', 'X:y'],
  ...[
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding:',
    'TE: trailers',
    'Content-Length: 5',
    'Content-Length: 0',
  ],
  ...['Content-Length: +1', 'Content-Length: 5, 5', 'Content-Length: 05', 'Content-Length:', 'Content-Length : 3'],
  ...['Content-Length: 99999999999999999999', 'Expect: 100-continue', 'Upgrade: websocket', 'Upgrade: h2c', 'X: '],
  ...['Keep-Alive: timeout=1', 'Proxy-Connection: close', 'X:  y', 'X: y ', 'X: a  b', 'X: \x01', 'X: \x7f', 'X y: z'],
  ...[': z', ' folded', '\tfolded', 'X: a\rY: b', 'X: a\nY: b', 'X\0: y', 'Trailer: X', 'HTTP2-Settings: x', 'X: \xe9'],
]
const BODIES = [
  '',
  'grant_type=client_credentials&client_id=a',
  'a=\0',
  '\xff\xfe',
  'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n',
]
const LENGTHS = ['exact', 'exact', 'exact', 'exact', 'exact', 'exact', 'longer', 'shorter', 'none', 'twice']

/** Makes the bytes of one connection: mostly one plain request, often with something wrong somewhere. */
export function randomRequest(random: Random): Buffer {
  const isPost = random.oneIn(2)
  const method = random.oneIn(20) ? random.pick(['HEAD', 'PUT', 'get', 'GETS', '', 'OPTIONS']) : isPost ? 'POST' : 'GET'
  const target = random.oneIn(4) ? random.pick(TARGETS) : (TARGETS[random.below(3)] as string)
  const version = random.oneIn(20)
    ? random.pick(['HTTP/1.0', 'HTTP/1.2', 'http/1.1', 'HTTP/1.1 ', 'HTTP/11'])
    : 'HTTP/1.1'
  let text = `${method} ${target} ${version}\r\nHost: a\r\n`
  for (let left = random.below(4); left > 0; left--) text += `${random.pick(random.oneIn(12) ? ODD : PLAIN)}\r\n`
  const body = isPost ? random.pick(BODIES) : ''
  text += `${lengthOf(body, isPost, random)}\r\n${body}`
  if (random.oneIn(16)) text += random.pick(['\r\n', 'x', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\0'])
  if (random.oneIn(3)) text = mutate(text, random)
  return Buffer.from(text, 'latin1')
}

function lengthOf(body: string, isPost: boolean, random: Random): string {
  const { length } = body
  switch (isPost ? random.pick(LENGTHS) : random.oneIn(20) ? 'exact' : 'none') {
    case 'exact':
      return `Content-Length: ${length}\r\n`
    case 'longer':
      return `Content-Length: ${length + 1 + random.below(5)}\r\n`
    case 'shorter':
      return `Content-Length: ${Math.max(0, length - 1 - random.below(5))}\r\n`
    case 'twice':
      return `Content-Length: ${length}\r\ncontent-length: ${length}\r\n`
    default:
      return ''
  }
}

/**
 * Compares the fast path's reader with llhttp. Returns `accepted` if both read the same one request, or the same head of
 * one with an incomplete body, `left` if the fast path leaves the bytes to `node:http`, otherwise the difference.
 */
export function compareRequest(bytes: Buffer, llhttp: Llhttp): 'accepted' | 'left' | { readonly difference: string } {
  const ours = readCanonicalRequest(bytes)
  if (ours === undefined) return 'left'
  const { error, messages } = llhttp.read(bytes)
  const [theirs] = messages
  if (error !== undefined) return { difference: `llhttp refuses it: ${error}` }
  if (theirs === undefined || messages.length !== 1) return { difference: `llhttp reads ${messages.length} requests` }
  const facts = [
    ['method', ours.method, theirs.method],
    ['target', ours.url, theirs.url],
    ['headers', ours.rawHeaders.join('\n'), theirs.headers.join('\n')],
    ['end', ours.isWhole, theirs.isComplete],
    ['body', ours.isWhole ? (ours.body?.toString('latin1') ?? '') : theirs.body, theirs.body],
    ['connection', ours.keepsAlive, theirs.keepsAlive],
    ['upgrade', false, theirs.isUpgrade],
  ] as const
  for (const [name, own, other] of facts) {
    if (own !== other) return { difference: `${name}: ${JSON.stringify(own)}, llhttp ${JSON.stringify(other)}` }
  }
  return 'accepted'
}
