import type { Dispatcher } from 'undici'
import type { Failure } from '../answers/failure.ts'
import type { Traffic } from './connection-limit.ts'
import type { Upstream } from './upstream.ts'

/** Header names and values by turns, as they came: bytes, or text with one character a byte (latin1). */
export type RawHeaders = readonly Buffer[] | readonly string[]

/** What becomes of an attempt, told to whoever made it. Calls about the body follow only after `onHead` took it. */
export interface AttemptOwner {
  /** An answer began; `false` leaves it unread. */
  onHead(status: number, statusText: string, raw: RawHeaders, length: string | undefined): boolean
  onEarlyHints(links: string | string[]): void
  /** `false` when the client cannot take more for now; {@link Attempt.resume} goes on. */
  onData(chunk: Buffer): boolean
  onEnd(trailers: RawHeaders): void
  /** No answer began. */
  onFailure(failure: Failure, error: Error): void
  /** An answer broke off. */
  onCut(error: Error): void
}

/** What is sent to an upstream. */
export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: string[]
  readonly body: Dispatcher.DispatchOptions['body']
  /** Whose share of the upstream's connections it uses. */
  readonly traffic: Traffic
}

/** One request to one upstream and its answer. It is made once and never repeats itself. */
export interface Attempt {
  start(upstream: Upstream, request: UpstreamRequest): void
  /** It waits for a connection; nothing has been sent. */
  readonly isQueued: boolean
  /** The client went away: nothing more is wanted. */
  cancel(): void
  resume(): void
}
