import type { IncomingHttpHeaders, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeConnections } from '../connections/node-connections.ts'
import type { ReadAheadBudget } from '../connections/read-ahead.ts'
import type { CanonicalRequest } from './canonical-request.ts'
import type { ClientConnection, TakenRequest } from './client-connection.ts'
import { FastPathListener } from './fast-path-listener.ts'

/** What the fast path needs to know about the server behind it. */
export interface HandlerFastPathOptions {
  /** Bodies over this many bytes are left for the server to refuse. */
  readonly bodyLimit: number
  /** How long a connection may be idle between two requests, in milliseconds. */
  readonly keepAliveMs: number
  /** How long the first byte of a connection may take to arrive, in milliseconds. */
  readonly headMs: number
  /** How long the rest of a body may take to arrive before the server waits for it; by default 500 ms. */
  readonly bodyWaitMs?: number
  /**
   * Returns the bytes of the response to a request. `keepsAlive`, called when the response is known, tells whether the
   * connection stays open after it. Never rejects.
   */
  answer(
    request: CanonicalRequest,
    headers: IncomingHttpHeaders,
    socket: Socket,
    keepsAlive: () => boolean,
  ): Promise<Written>
}

/** A complete response; a string contains only ASCII. */
export type Written = string | Buffer

const BODY_WAIT_MS = 500
const TICK_MS = 250
/** How long a client may read nothing of its response. */
const STALLED_MS = 60_000

/**
 * Answers canonical requests, which all parsers read alike, if they are complete and repeat no header. It bypasses
 * `node:http`, which costs more than most handlers. Any other request goes to `node:http`, together with its connection
 * and for good, and is judged and refused there.
 */
export class HandlerFastPath extends FastPathListener<IncomingHttpHeaders> {
  readonly #options: HandlerFastPathOptions

  /** Puts the fast path in front of a server; connections that do not belong on it go to `ordinary`. */
  constructor(server: Server, ordinary: NodeConnections, budget: ReadAheadBudget, options: HandlerFastPathOptions) {
    const { headMs, keepAliveMs, bodyWaitMs = BODY_WAIT_MS } = options
    // A handler has time limits of its own.
    const limits = { headMs, bodyWaitMs, keepAliveMs, answerMs: Number.POSITIVE_INFINITY, stalledMs: STALLED_MS }
    super({ ordinary, budget, limits }, TICK_MS)
    this.#options = options
    server.on('connection', (socket: Socket) => this.take(socket))
  }

  admit(request: CanonicalRequest): IncomingHttpHeaders | undefined {
    const headers = headersOf(request)
    return Number(headers?.['content-length'] ?? 0) > this.#options.bodyLimit ? undefined : headers
  }

  begin(
    connection: ClientConnection<IncomingHttpHeaders>,
    request: CanonicalRequest,
    headers: IncomingHttpHeaders,
  ): TakenRequest {
    let isOver = false
    const answer = async () => {
      let keepsAlive = false
      const settle = () => {
        keepsAlive = request.keepsAlive && !connection.isOverrun && !this.isClosing
        return keepsAlive
      }
      const written = await this.#options.answer(request, headers, connection.socket, settle)
      if (isOver) return
      connection.write(written)
      connection.finish(keepsAlive)
    }
    return {
      start: () => {
        if (request.isWhole) void answer()
      },
      drained() {},
      close() {
        isOver = true
      },
    }
  }
}

/** Headers as `node:http` returns them; undefined if one is repeated, or is one that node returns as a list. */
function headersOf({ rawHeaders }: CanonicalRequest): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    if (headers[name] !== undefined || name === 'set-cookie') return undefined
    headers[name] = rawHeaders[at + 1] as string
  }
  return headers.host === undefined ? undefined : headers
}
