import type { IncomingHttpHeaders } from 'node:http'

/** A request with its complete body. */
export interface HttpRequest {
  readonly method: string
  /** The path as sent, percent-encoding included, without the query. */
  readonly path: string
  /** The query as sent, without its question mark; empty if there is none. */
  readonly query: string
  /** Names in lower case, as `node:http` returns them. */
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly remoteAddress: string
  /** `scheme://host[:port]` under which the client reached this server, from Host and X-Forwarded-*. */
  readonly origin: string
}

/** A response with its complete body. A header that may occur several times (Set-Cookie) is several pairs. */
export interface HttpReply {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string | Buffer
}

/** Handles one request. A rejection is an internal error: the server logs it and responds 500. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpReply>
