import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Log } from '../observability/index.ts'
import { formatListenAddress, type ListenAddress } from './address.ts'
import { readBody } from './body.ts'
import { ListenError } from './errors.ts'
import type { HttpHandler, HttpReply, HttpRequest } from './message.ts'

/** A server that is listening. */
export interface RunningServer {
  /** The address bound, with the port the system chose where 0 was asked for. */
  readonly address: ListenAddress
  /** `http://host:port` */
  readonly url: string
  /** Stops accepting, lets requests under way finish for `graceMs` (default 3,000), then cuts what is left. */
  close(graceMs?: number): Promise<void>
}

export interface ServeOptions {
  readonly listen: ListenAddress
  readonly handler: HttpHandler
  readonly log: Log
  /** Bodies over this many bytes are answered 413. Default 4 MiB. */
  readonly bodyLimit?: number
}

/**
 * Serves `handler` over HTTP/1.1. Time limits: 15 s for the headers, 60 s for a whole request.
 * Rejects with {@link ListenError} when the address cannot be bound.
 */
export function serve(options: ServeOptions): Promise<RunningServer> {
  const { handler, log, bodyLimit = 4 << 20 } = options
  const server = createServer({ headersTimeout: 15_000, requestTimeout: 60_000, keepAliveTimeout: 65_000 })
  server.on('request', (message, response) => {
    answer(message, response, handler, bodyLimit).catch((error: unknown) => {
      log.error({ err: error, method: message.method, path: pathOf(message) }, 'request failed')
      if (response.headersSent) response.destroy()
      else
        send(response, message, {
          status: 500,
          headers: [['Content-Type', 'text/plain']],
          body: 'Internal Server Error\n',
        })
    })
  })
  return listen(server, options.listen)
}

/** Binds a prepared `node:http` server; see {@link serve}. */
export async function listen(server: Server, address: ListenAddress): Promise<RunningServer> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(new ListenError(address, error))
    server.once('error', fail)
    server.listen({ host: address.host, port: address.port }, () => {
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

function closeServer(server: Server, graceMs = 3_000): Promise<void> {
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

function pathOf(message: IncomingMessage): string {
  const url = message.url ?? '/'
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

function toRequest(message: IncomingMessage, body: Buffer): HttpRequest {
  const url = message.url ?? '/'
  const mark = url.indexOf('?')
  const host = first(message.headers['x-forwarded-host']) ?? message.headers.host ?? 'localhost'
  const scheme = first(message.headers['x-forwarded-proto']) ?? 'http'
  return {
    method: message.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers: message.headers,
    body,
    remoteAddress: message.socket.remoteAddress ?? '',
    origin: `${scheme}://${host}`,
  }
}

function first(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header
  return text?.split(',')[0]?.trim() || undefined
}

function send(response: ServerResponse, message: IncomingMessage, reply: HttpReply): void {
  // A text is left one: then head and body are a single write.
  const { body } = reply
  const headers: string[] = []
  for (const [name, value] of reply.headers) headers.push(name, value)
  const bodiless = reply.status === 204 || reply.status === 304
  if (!bodiless) headers.push('Content-Length', String(Buffer.byteLength(body)))
  response.writeHead(reply.status, headers)
  response.end(bodiless || message.method === 'HEAD' ? undefined : body)
}
