import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Log } from '../observability/index.ts'
import { formatListenAddress, type ListenAddress } from './address.ts'
import { readBody } from './body.ts'
import { drainServer } from './connections/drain.ts'
import { NodeConnections } from './connections/node-connections.ts'
import { ReadAheadBudget } from './connections/read-ahead.ts'
import { refuseMalformed } from './connections/refuse-malformed.ts'
import { ListenError } from './errors.ts'
import { HandlerFastPath } from './fast-path/handler-fast-path.ts'
import type { HttpHandler, HttpReply, HttpRequest } from './message.ts'
import { isBodiless, writtenReply } from './written-reply.ts'

/** A server that is listening. */
export interface RunningServer {
  /** The bound address, with the port that the system chose for port 0. */
  readonly address: ListenAddress
  /** `http://host:port` */
  readonly url: string
  /** Answers requests that have arrived or are arriving, for at most `graceMs` (default {@link DRAIN_MS}), then cuts the rest. */
  close(graceMs?: number): Promise<void>
}

export interface ServeOptions {
  readonly listen: ListenAddress
  readonly handler: HttpHandler
  readonly log: Log
  /** Bodies over this many bytes get a 413. Default 4 MiB. */
  readonly bodyLimit?: number
}

const HEAD_MS = 15_000
const KEEP_ALIVE_MS = 65_000
/** How long requests in progress may take when a server stops, in milliseconds. */
export const DRAIN_MS = 10_000
/** How long an idle connection is kept when the server stops. */
const IDLE_MS = 250
/** The limit of Puma, and thus of a real Rails. */
const MAX_HEAD_BYTES = 112 << 10
const EMPTY = Buffer.alloc(0)

/**
 * Serves `handler` over HTTP/1.1. Time limits: 15 s for the headers, 60 s for a complete request. Rejects with
 * {@link ListenError} if the address cannot be bound.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { handler, log, bodyLimit = 4 << 20 } = options
  const server = createServer({
    headersTimeout: HEAD_MS,
    requestTimeout: 60_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEAD_BYTES,
  })
  const failed = (error: unknown, { method, url }: Pick<IncomingMessage, 'method' | 'url'>): HttpReply => {
    log.error({ err: error, method, path: splitTarget(url)[0] }, 'request failed')
    return { status: 500, headers: [['Content-Type', 'text/plain']], body: 'Internal Server Error\n' }
  }
  server.on('request', (message, response) => {
    answer(message, response, handler, bodyLimit).catch((error: unknown) => {
      const reply = failed(error, message)
      if (response.headersSent) response.destroy()
      else send(response, message, reply)
    })
  })
  server.on('clientError', refuseMalformed)
  const budget = new ReadAheadBudget()
  const ordinary = new NodeConnections(server, budget)
  const fastPath = new HandlerFastPath(server, ordinary, budget, {
    bodyLimit,
    keepAliveMs: KEEP_ALIVE_MS,
    headMs: HEAD_MS,
    answer: async (request, headers, socket, keepsAlive) => {
      const written = (reply: HttpReply) =>
        writtenReply(reply, keepsAlive() ? `keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_MS / 1_000}` : 'close')
      try {
        const reply = await handler(
          toRequest({ method: request.method, url: request.url, headers, socket }, request.body ?? EMPTY),
        )
        return written(reply)
      } catch (error) {
        return written(failed(error, request))
      }
    },
  })
  const running = await listen(server, options.listen)
  return {
    ...running,
    close: async (graceMs = DRAIN_MS) => {
      await drainServer(server, [fastPath, ordinary], { graceMs, idleMs: Math.min(IDLE_MS, graceMs / 4) })
      fastPath.close()
    },
  }
}

/**
 * Binds a prepared `node:http` server and leaves its connections to node. Rejects with {@link ListenError} if the
 * address cannot be bound. See {@link serve}.
 */
export async function listen(server: Server, address: ListenAddress): Promise<RunningServer> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(new ListenError(address, error))
    server.once('error', fail)
    // A cluster worker would otherwise share the port with the others.
    server.listen({ host: address.host, port: address.port, exclusive: true }, () => {
      server.off('error', fail)
      resolve()
    })
  })
  const bound: ListenAddress = { host: address.host, port: (server.address() as AddressInfo).port }
  return {
    address: bound,
    url: `http://${formatListenAddress(bound)}`,
    close: (graceMs) => closeServer(server, graceMs),
  }
}

function closeServer(server: Server, graceMs = DRAIN_MS): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}

async function answer(
  message: IncomingMessage,
  response: ServerResponse,
  handler: HttpHandler,
  bodyLimit: number,
): Promise<void> {
  const body = await readBody(message, bodyLimit)
  if (body === 'aborted') return
  if (body === 'too_large') {
    response.setHeader('Connection', 'close')
    send(response, message, { status: 413, headers: [['Content-Type', 'text/plain']], body: 'Payload Too Large\n' })
    return
  }
  send(response, message, await handler(toRequest(message, body)))
}

/** Splits a target into path and query. */
function splitTarget(url = '/'): readonly [path: string, query: string] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}

type Received = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'socket'>

function toRequest({ method = 'GET', url, headers, socket }: Received, body: Buffer): HttpRequest {
  const [path, query] = splitTarget(url)
  // An empty port means the scheme's default (RFC 3986 §3.2.3).
  const host = (first(headers['x-forwarded-host']) ?? headers.host ?? 'localhost').replace(/:$/, '')
  const scheme = first(headers['x-forwarded-proto']) ?? 'http'
  const remoteAddress = socket.remoteAddress ?? ''
  return { method, path, query, headers, body, remoteAddress, origin: `${scheme}://${host}` }
}

function first(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header
  return text?.split(',')[0]?.trim() || undefined
}

function send(response: ServerResponse, message: IncomingMessage, reply: HttpReply): void {
  // A string stays a string, so that head and body are a single write.
  const { body } = reply
  const headers: string[] = []
  for (const [name, value] of reply.headers) headers.push(name, value)
  const bodiless = isBodiless(reply.status)
  if (!bodiless) headers.push('Content-Length', String(Buffer.byteLength(body)))
  // With an explicit phrase, since a refused head leaves its own phrase behind.
  response.writeHead(reply.status, STATUS_CODES[reply.status] ?? 'unknown', headers)
  response.end(bodiless || message.method === 'HEAD' ? undefined : body)
}
