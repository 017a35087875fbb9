import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { readBody } from '../../http/index.ts'
import type { Reply, Transport } from '../transport/transport.ts'
import type { Attempt, AttemptOwner } from '../upstream/attempt.ts'
import { UndiciAttempt } from '../upstream/undici-attempt.ts'
import { NodeReply } from './node-reply.ts'

/** `node:http` towards the client, undici towards the upstreams. */
export class NodeTransport implements Transport {
  readonly #message: IncomingMessage
  readonly reply: Reply

  constructor(message: IncomingMessage, response: ServerResponse) {
    this.#message = message
    this.reply = new NodeReply(message, response)
  }

  get method(): string {
    return this.#message.method ?? 'GET'
  }

  get rawHeaders(): readonly string[] {
    return this.#message.rawHeaders
  }

  get headers(): IncomingMessage['headers'] {
    return this.#message.headers
  }

  get stream(): Readable {
    return this.#message
  }

  readBody(limit: number): Promise<Buffer | 'too_large' | 'aborted'> {
    return readBody(this.#message, limit)
  }

  attempt(owner: AttemptOwner): Attempt {
    return new UndiciAttempt(owner)
  }
}
