import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { LocalAnswer } from '../answers/local-answers.ts'
import type { Attempt, AttemptOwner } from '../upstream/attempt.ts'

/** The bytes of one exchange, on both of its sides: what the exchange itself need not know. */
export interface Lane {
  readonly method: string
  /** Name and value by turns, as they came. */
  readonly rawHeaders: readonly string[]
  /** By lower-case name, as `node:http` joins them. */
  readonly headers: IncomingHttpHeaders
  readonly reply: Reply
  /** The body as it comes, for a request that is passed on unread. */
  readonly stream: Readable
  /** The body whole; at once where it is there already. */
  readBody(limit: number): Buffer | Promise<Buffer | 'too_large' | 'aborted'>
  attempt(owner: AttemptOwner): Attempt
}

/** The client's side of an exchange: passes an answer on as it comes, or gives one of our own. */
export interface Reply {
  /** What the client was sent; 0 before that. */
  readonly status: number
  /**
   * Sends the head of an upstream's answer. Throws when it cannot be written as it is.
   *
   * @param length its Content-Length, if it has one
   */
  head(status: number, statusText: string, headers: string[], length: string | undefined): void
  /** Sends the head soon, also where nothing follows it yet; together with what has come along with it. */
  flush(): void
  /** Passes a piece of the body on. Returns false when the client cannot take more until `onDrain` is called. */
  data(chunk: Buffer, onDrain: () => void): boolean
  end(trailers: Array<[string, string]> | undefined): void
  earlyHints(links: string | string[]): void
  /** Ends an answer that broke off, so that the client can tell. */
  cut(): void
  /** Gives an answer of our own. */
  local(answer: LocalAnswer, correlationId: string): void
}

/** Calls `act` when what came with a read, and what it brought about, has been dealt with. */
export function whenTurnEnds(act: () => void): void {
  setImmediate(act)
}
