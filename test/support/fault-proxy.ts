import { connect, createServer, type Socket } from 'node:net'
import { freePorts } from './ports.ts'

/** The ways a server can fail, as its clients see them. `open` is not a failure. */
export const FAULT_MODES = [
  'open',
  'refuses',
  'closes at once',
  'closes within the head',
  'closes within the body',
  'hangs before the head',
  'hangs within the body',
  'answers 500',
  'answers 502',
  'answers 503',
  'answers 429',
  'answers garbage',
  'answers the wrong type',
  'is slow',
] as const
export type FaultMode = (typeof FAULT_MODES)[number]

/** A proxy in front of a server that simulates failures. */
export interface FaultProxy {
  readonly url: string
  readonly mode: FaultMode
  /** Applies to requests from now on; open connections are cut when the mode refuses connections. */
  set(mode: FaultMode): Promise<void>
  close(): Promise<void>
}

export interface ProxyAddress {
  readonly host: string
  readonly port: number
}

/** The delay of a slow server. */
const SLOW_MS = 1_500

const MOST_PORTS_TRIED = 20

/** Opens on a port that it can be sure to get again after it was closed. */
async function openAnywhere(open: (port: number) => Promise<number>): Promise<number> {
  let last: unknown
  for (let tried = 0; tried < MOST_PORTS_TRIED; tried++) {
    const [port = 0] = await freePorts(1)
    try {
      return await open(port)
    } catch (error) {
      last = error
    }
  }
  throw new Error('found no port for the proxy', { cause: last })
}

/** Opens a proxy on an address (port 0: any) in front of a server. */
export async function openFaultProxy(listen: ProxyAddress, target: ProxyAddress): Promise<FaultProxy> {
  let mode: FaultMode = 'open'
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    track(client)
    const upstream = connect(target)
    track(upstream)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.on('data', (chunk) => passRequest(chunk, client, upstream, () => mode))
    upstream.on('data', (chunk) => passAnswer(chunk, client, upstream, () => mode))
  })
  function track(socket: Socket): void {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  const open = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, listen.host, () => {
        server.off('error', reject)
        resolve(port)
      })
    })
  const shut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  const port = await (listen.port === 0 ? openAnywhere(open) : open(listen.port))
  return {
    url: `http://${listen.host}:${port}`,
    get mode() {
      return mode
    },
    async set(next) {
      const before = mode
      mode = next
      if (next === 'refuses' && before !== 'refuses') await shut()
      if (next !== 'refuses' && before === 'refuses') await open(port)
    },
    close: () => (server.listening ? shut() : Promise.resolve()),
  }
}

const CANNED: Partial<Record<FaultMode, string>> = {
  'answers 500': answer('500 Internal Server Error', 'text/html', '<h1>Internal Server Error</h1>'),
  'answers 502': answer('502 Bad Gateway', 'text/html', '<h1>Bad Gateway</h1>'),
  'answers 503': answer('503 Service Unavailable', 'text/html', '<h1>Service Unavailable</h1>'),
  'answers 429': answer('429 Too Many Requests', 'text/plain', 'Retry later\n', 'Retry-After: 3\r\n'),
  'answers garbage': 'SSH-2.0-OpenSSH_9.2p1\r\n\x00\x01\x02\r\n\r\n',
  'answers the wrong type': answer('200 OK', 'text/html', '<h1>Welcome to nginx!</h1>'),
}

function answer(status: string, type: string, body: string, more = ''): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\n${more}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
}

function passRequest(chunk: Buffer, client: Socket, upstream: Socket, mode: () => FaultMode): void {
  const canned = CANNED[mode()]
  if (canned !== undefined) {
    client.end(canned, 'latin1')
    return
  }
  switch (mode()) {
    case 'closes at once':
      client.destroy()
      return
    case 'hangs before the head':
      return
    case 'is slow':
      setTimeout(() => upstream.write(chunk), SLOW_MS)
      return
    default:
      upstream.write(chunk)
  }
}

/** The server has done its work by now: only its answer is cut. */
function passAnswer(chunk: Buffer, client: Socket, upstream: Socket, mode: () => FaultMode): void {
  const head = chunk.indexOf('\r\n\r\n')
  switch (mode()) {
    case 'closes within the head':
      client.end(chunk.subarray(0, Math.min(40, chunk.length)))
      upstream.destroy()
      return
    case 'closes within the body':
      client.end(chunk.subarray(0, head < 0 ? 0 : Math.min(head + 4 + 8, chunk.length - 1)))
      upstream.destroy()
      return
    case 'hangs within the body':
      client.write(chunk.subarray(0, head < 0 ? 0 : Math.min(head + 4 + 8, chunk.length - 1)))
      return
    default:
      client.write(chunk)
  }
}
