import type { Dispatcher } from 'undici'
import type { Failure } from '../responses/failure.ts'
import type { Traffic } from './connection-limit.ts'
import type { Upstream } from './upstream.ts'

/** Header names and values alternate, as received: bytes, or text with one character per byte (latin1). */
export type RawHeaders = readonly Buffer[] | readonly string[]

/** Receives the events of an attempt. Calls about the body follow only after `onHead` returned true. */
export interface AttemptOwner {
  /** A response began; `false` leaves its body unread. */
  onHead(status: number, statusText: string, raw: RawHeaders, length: string | undefined): boolean
  onEarlyHints(links: string | string[]): void
  /** Returns `false` if the client cannot accept more for now; {@link Attempt.resume} continues. */
  onData(chunk: Buffer): boolean
  onEnd(trailers: RawHeaders): void
  /** No response began. */
  onFailure(failure: Failure, error: Error): void
  /** The response was cut off, or stalled for too long. */
  onCut(failure: Failure, error: Error): void
}

/** A request to an upstream. */
export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: string[]
  readonly body: Dispatcher.DispatchOptions['body']
  /** The share of the upstream's connections that the request uses. */
  readonly traffic: Traffic
}

/** One request to one upstream and its response. An attempt starts once and never retries. */
export interface Attempt {
  start(upstream: Upstream, request: UpstreamRequest): void
  /** Whether it still waits for a connection; nothing has been sent. */
  readonly isQueued: boolean
  /** The client disconnected: drops the request and its response. */
  cancel(): void
  resume(): void
}
