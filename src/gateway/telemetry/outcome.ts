import type { Destination, Endpoint, Reason } from '../../routing/index.ts'

/** The outcome of one request: everything that logs and metrics need, independent of its transport. */
export interface Outcome {
  readonly method: string
  /** As sent, without the query. */
  readonly path: string
  readonly correlationId: string
  readonly endpoint: Endpoint
  /** The trace that the request belongs to, if any. */
  readonly traceId?: string | undefined
  readonly clientId: string | undefined
  readonly applicationId: number | undefined
  readonly destination: Destination | 'rejected'
  readonly reason: Reason
  readonly flagVersion: number | undefined
  /** Whether the brake was on when the request ended. */
  readonly isBrakeOn: boolean
  /** The status sent to the client; 499 if the client disconnected before the response began. */
  readonly status: number
  readonly durationMs: number
  /** The `error` of an OAuth response, if any; a code that OAuth defines, otherwise `other`. */
  readonly oauthError: string | undefined
  /** The token endpoint issued an access token. */
  readonly granted: boolean
}

/** The client disconnected first. */
export const CLIENT_CLOSED = 499
