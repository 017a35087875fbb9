import type { Destination, Endpoint, Reason } from '../../routing/index.ts'

/** What became of one request: all that logs and metrics need, however its bytes came in. */
export interface Outcome {
  readonly method: string
  /** As sent, without the query. */
  readonly path: string
  readonly correlationId: string
  readonly endpoint: Endpoint
  /** The trace it is part of, if it is part of one. */
  readonly traceId?: string | undefined
  readonly clientId: string | undefined
  readonly applicationId: number | undefined
  readonly destination: Destination | 'rejected'
  readonly reason: Reason
  readonly flagVersion: number | undefined
  /** The brake was on when it ended. */
  readonly isBrakeOn: boolean
  /** What the client was sent; 499 when it went away before it could be sent anything. */
  readonly status: number
  readonly durationMs: number
  /** The `error` of an OAuth answer, if it had one; a code that OAuth knows, else `other`. */
  readonly oauthError: string | undefined
  /** The token endpoint issued an access token. */
  readonly granted: boolean
}

/** The client went away first. */
export const CLIENT_CLOSED = 499
