import { ResponseReader, type ResponseSink } from '../../src/gateway/index.ts'
import type { Llhttp } from './llhttp.ts'
import { mutate } from './mutate.ts'
import type { Random } from './random.ts'

const STATUS = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 302 Found',
  'HTTP/1.1 204 No Content',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 400 Bad',
]
const ODD_STATUS = [
  ...[
    'HTTP/1.1 200',
    'HTTP/1.1 200 ',
    'HTTP/1.1 99 x',
    'HTTP/1.1 2000 x',
    'HTTP/2 200',
    'HTTP/1.1  200 OK',
    'HTTP/1.1',
  ],
  ...[
    'HTTP/1.1 304 Not Modified',
    'HTTP/1.1 100 Continue',
    'HTTP/1.1 101 Switching',
    'ICY 200 OK',
    'HTTP/1.1 200 \xe9',
  ],
]
const PLAIN = ['Server: a', 'Content-Type: application/json', 'Connection: keep-alive', 'Set-Cookie: a=b', 'X-A: b c']
const ODD = [
  ...[
    'Connection: close',
    'Keep-Alive: timeout=5',
    'X:',
    'X: ',
    'X:  y ',
    'X y: z',
    ': z',
    ' folded',
    'X: \x01',
    'X: \xe9',
  ],
  ...['Content-Length: 5', 'content-length: 05', 'Content-Length: 5, 5', 'Transfer-Encoding: chunked', 'X: a\rY: b'],
  ...[
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding : chunked',
    'Trailer: X',
    'Upgrade: websocket',
    'X: a\nY: b',
  ],
]
const BODIES = ['', '{"a":1}', 'hello', '\0\xff', 'HTTP/1.1 200 OK\r\n\r\n']

/** Makes the bytes of one response: mostly a plain one, often with something wrong somewhere. */
export function randomResponse(random: Random): Buffer {
  let text = random.oneIn(24) ? `HTTP/1.1 10${random.pick(['0', '2', '3'])} Wait\r\nLink: a\r\n\r\n` : ''
  text += `${random.pick(random.oneIn(12) ? ODD_STATUS : STATUS)}\r\n`
  for (let left = random.below(4); left > 0; left--) text += `${random.pick(random.oneIn(12) ? ODD : PLAIN)}\r\n`
  const body = random.pick(BODIES)
  const framing = random.below(8)
  if (framing < 4) text += `Content-Length: ${body.length + (random.oneIn(12) ? 1 : 0)}\r\n\r\n${body}`
  else if (framing < 7) text += `Transfer-Encoding: chunked\r\n\r\n${chunked(body, random)}`
  else text += `\r\n${body}`
  if (random.oneIn(24)) text += random.pick(['\r\n', 'x', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'])
  if (random.oneIn(3)) text = mutate(text, random)
  return Buffer.from(text, 'latin1')
}

function chunked(body: string, random: Random): string {
  const at = random.below(body.length + 1)
  let text = ''
  for (const piece of [body.slice(0, at), body.slice(at)]) {
    const extension = random.oneIn(16) ? random.pick([';a=b', ';', ' ', ';a="b"', 'x', '\t;a']) : ''
    if (piece !== '') text += `${piece.length.toString(16)}${extension}\r\n${piece}${random.oneIn(40) ? '\n' : '\r\n'}`
  }
  return `${text}0\r\n${random.oneIn(16) ? 'X-T: a\r\n' : ''}\r\n`
}

/** The response as the reader has reported it. */
interface Seen extends ResponseSink {
  status: number
  headers: readonly string[]
  body: string
  interims: number
}

function observer(): Seen {
  return {
    ...{ status: 0, headers: [], body: '', interims: 0 },
    onInterim() {
      this.interims++
    },
    onHead(head) {
      this.status = head.status
      this.headers = head.raw
    },
    onBody(piece) {
      this.body += piece.toString('latin1')
    },
  }
}

/**
 * Compares the reader of upstreams' responses with llhttp, with the bytes in one piece or in two. Returns `accepted` if
 * both read the same response, `left` if the reader refuses it or needs more bytes for its head, otherwise the
 * difference.
 */
export function compareResponse(
  bytes: Buffer,
  llhttp: Llhttp,
  random: Random,
): 'accepted' | 'left' | { readonly difference: string } {
  const seen = observer()
  const reader = new ResponseReader(seen)
  reader.begin()
  const split = random.oneIn(4) ? random.below(bytes.length + 1) : bytes.length
  let reading = reader.read(bytes.subarray(0, split))
  if (reading === 'more' && split < bytes.length) reading = reader.read(bytes.subarray(split))
  const endsWithConnection = reading === 'more' && reader.end() === 'done'
  if (reading === 'fault' || seen.status === 0) return 'left'
  const { error, messages } = llhttp.read(bytes, endsWithConnection)
  const theirs = messages[seen.interims]
  if (theirs === undefined) return { difference: `llhttp reads ${messages.length} responses: ${error ?? 'no error'}` }
  const isDone = reading !== 'more' || endsWithConnection
  if (error !== undefined && isDone && !theirs.isComplete) return { difference: `llhttp refuses it: ${error}` }
  const trailers = isDone ? reader.trailers : []
  const facts = [
    ['status', seen.status, theirs.status],
    ['headers', [...seen.headers, ...trailers].join('\n'), theirs.headers.join('\n')],
    ['body', seen.body, theirs.body],
    ['end', isDone, theirs.isComplete],
  ] as const
  for (const [name, own, other] of facts) {
    if (own !== other) return { difference: `${name}: ${JSON.stringify(own)}, llhttp ${JSON.stringify(other)}` }
  }
  // llhttp refuses a line at its first wrong byte, the reader at its end; neither has accepted the response.
  return error === undefined || theirs.isComplete ? 'accepted' : 'left'
}
