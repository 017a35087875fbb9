import { connect, type Socket } from 'node:net'

/** A response as received. */
export interface WireAnswer {
  readonly status: number
  readonly body: string
}

/** One keep-alive connection that carries one exchange at a time. */
export interface WireConnection {
  /** Sends a complete request. Rejects if the connection breaks or the response has no Content-Length. */
  exchange(request: Buffer): Promise<WireAnswer>
  close(): void
}

const HEAD_END = '\r\n\r\n'

/**
 * Connects to a loopback port. We use our own client because the load generator shares a machine with what it measures:
 * it costs a fifth of a general client, and a slow client would be counted as a slow server.
 */
export function openConnection(port: number): Promise<WireConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(wireConnection(socket))
    })
  })
}

function wireConnection(socket: Socket): WireConnection {
  let received = ''
  let waiting: { resolve(answer: WireAnswer): void; reject(error: Error): void } | undefined
  const fail = (error: Error) => {
    waiting?.reject(error)
    waiting = undefined
  }
  // One character per byte: Content-Length counts bytes, and the parts of a response that we read are ASCII.
  socket.setEncoding('latin1')
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection')))
  socket.on('data', (chunk: string) => {
    received += chunk
    const answer = wholeAnswer(received)
    if (answer === undefined) return
    received = ''
    const taker = waiting
    waiting = undefined
    if (answer === 'unmeasured') taker?.reject(new Error('an answer came without Content-Length'))
    else taker?.resolve(answer)
  })
  return {
    exchange: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(request)
      }),
    close: () => void socket.destroy(),
  }
}

function wholeAnswer(received: string): WireAnswer | 'unmeasured' | undefined {
  const end = received.indexOf(HEAD_END)
  if (end < 0) return undefined
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, end))?.[1]
  if (length === undefined) return 'unmeasured'
  const body = received.slice(end + HEAD_END.length)
  if (body.length < Number(length)) return undefined
  return { status: Number(received.slice(9, 12)), body }
}

/** A request with a form, as clients of a token endpoint send it. */
export function formRequest(path: string, fields: Readonly<Record<string, string>>): Buffer {
  const form = new URLSearchParams(fields).toString()
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: auth.example',
    'Accept: application/json',
    'User-Agent: bench',
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${form.length}`,
  ]
  return Buffer.from(`${head.join('\r\n')}${HEAD_END}${form}`)
}

/** A GET with a bearer token. */
export function bearerRequest(path: string, token: string): Buffer {
  const head = [`GET ${path} HTTP/1.1`, 'Host: auth.example', 'Accept: application/json', 'User-Agent: bench']
  return Buffer.from(`${head.join('\r\n')}\r\nAuthorization: Bearer ${token}${HEAD_END}`)
}
