import type { IncomingHttpHeaders } from 'node:http'

/** A request whose body has been read whole. */
export interface HttpRequest {
  readonly method: string
  /** The path as sent, percent-encoding and all, without the query. */
  readonly path: string
  /** The query as sent, without its question mark; empty when there is none. */
  readonly query: string
  /** Names in lower case, as `node:http` gives them. */
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly remoteAddress: string
  /** `scheme://host[:port]` by which the client reached this server, from Host and X-Forwarded-*. */
  readonly origin: string
}

/** An answer with a body held whole. A header that may come several times (Set-Cookie) is several pairs. */
export interface HttpReply {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string | Buffer
}

/** Answers one request. A rejection is a fault of ours: the server logs it and answers 500. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpReply>
