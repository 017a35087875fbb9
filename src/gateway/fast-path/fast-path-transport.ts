import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { CanonicalRequest } from '../../http/index.ts'
import type { Reply, Transport } from '../transport/transport.ts'
import type { Attempt, AttemptOwner } from '../upstream/attempt.ts'
import { FastPathAttempt, type Pools } from './fast-path-attempt.ts'

const EMPTY = Buffer.alloc(0)

/** The fast path: a canonical request towards the client, the gateway's own connections towards the upstreams. */
export class FastPathTransport implements Transport {
  readonly #request: CanonicalRequest
  readonly #pools: Pools
  readonly reply: Reply
  #headers: IncomingHttpHeaders | undefined

  constructor(request: CanonicalRequest, reply: Reply, pools: Pools) {
    this.#request = request
    this.#pools = pools
    this.reply = reply
  }

  get method(): string {
    return this.#request.method
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders
  }

  get headers(): IncomingHttpHeaders {
    this.#headers ??= joinedHeaders(this.#request.rawHeaders)
    return this.#headers
  }

  get stream(): Readable {
    return Readable.from([this.#request.body ?? EMPTY])
  }

  readBody(): Buffer | Promise<'aborted'> {
    return this.#request.isWhole ? (this.#request.body ?? EMPTY) : Promise.resolve('aborted')
  }

  attempt(owner: AttemptOwner): Attempt {
    return new FastPathAttempt(this.#pools, owner)
  }
}

/** Headers by lower-case name; repeated headers are joined. */
export function joinedHeaders(raw: readonly string[]): IncomingHttpHeaders {
  const headers: Record<string, string> = Object.create(null)
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase()
    const before = headers[name]
    const separator = name === 'cookie' ? '; ' : ', '
    headers[name] = before === undefined ? (raw[at + 1] as string) : `${before}${separator}${raw[at + 1]}`
  }
  return headers
}
