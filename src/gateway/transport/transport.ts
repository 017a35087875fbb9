import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { LocalResponse } from '../responses/local-responses.ts'
import type { Attempt, AttemptOwner } from '../upstream/attempt.ts'

/** The transport of one exchange towards the client and the upstream, which hides how bytes are read and written. */
export interface Transport {
  readonly method: string
  /** Names and values alternate, as received. */
  readonly rawHeaders: readonly string[]
  /** By lower-case name, joined as in `node:http`. */
  readonly headers: IncomingHttpHeaders
  readonly reply: Reply
  /** The body as a stream, for a request that is forwarded unread. */
  readonly stream: Readable
  /** Returns the complete body; synchronously if it has already arrived. */
  readBody(limit: number): Buffer | Promise<Buffer | 'too_large' | 'aborted'>
  attempt(owner: AttemptOwner): Attempt
}

/** The client's side of an exchange: forwards an upstream's response, or sends one of the gateway's own. */
export interface Reply {
  /** The status sent to the client; 0 before that. */
  readonly status: number
  /**
   * Sends the head of an upstream's response. Throws if it cannot be written as is.
   *
   * @param length its Content-Length, if it has one
   */
  head(status: number, statusText: string, headers: string[], length: string | undefined): void
  /** Sends the head soon even if no body has arrived yet, together with any body that arrived in the same read. */
  flush(): void
  /** Forwards a piece of the body. Returns false if the client cannot accept more until `onDrain` is called. */
  data(chunk: Buffer, onDrain: () => void): boolean
  end(trailers: Array<[string, string]> | undefined): void
  earlyHints(links: string | string[]): void
  /** Cuts a response that broke off, so that the client can detect it. */
  cut(): void
  /** Sends a response of the gateway itself. */
  local(answer: LocalResponse, correlationId: string): void
}

let acts: Array<() => void> = []

/**
 * Calls `act`, which must not throw, after everything that arrived with the current read has been processed. One
 * callback of the event loop serves all that are asked for in the same turn.
 */
export function whenTurnEnds(act: () => void): void {
  if (acts.length === 0) setImmediate(endTurn)
  acts.push(act)
}

function endTurn(): void {
  const due = acts
  acts = []
  for (const act of due) act()
}
