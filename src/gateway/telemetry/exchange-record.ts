import type { Destination, Endpoint, Facts, Reason } from '../../routing/index.ts'
import type { Issued } from '../ledger/issued.ts'
import type { AttemptFailure } from '../responses/failure.ts'

/**
 * One exchange when it has ended: the single input of everything that reports on requests, whichever transport carried
 * them. A reader receives it once, reads it during that call, and keeps no reference, because `facts`, `redirect` and
 * `response` hold credentials: these three never reach a log, a metric, a trace or a store.
 */
export interface ExchangeRecord {
  readonly method: string
  /** As sent, without the query. */
  readonly path: string
  readonly correlationId: string
  readonly endpoint: Endpoint
  /** The trace that the request belongs to, if any. */
  readonly traceId?: string | undefined
  readonly clientId: string | undefined
  /** The network that counts as one caller: an IPv4 address or an IPv6 /64. Computed when read. */
  readonly network?: string | undefined
  readonly applicationId: number | undefined
  /** The side that the last attempt went to; `rejected` if the gateway refused the request itself. */
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
  readonly ending: Ending
  /** What the request says: its grant type, the credential it presents, and so on; undefined if it was not read. */
  readonly facts?: Facts | undefined
  /**
   * How the last failing attempt at a side failed. If `status` is a success, a failover (reason `iam_failed_over`) or a
   * retry has answered the client since.
   */
  readonly failure?: AttemptFailure | undefined
  /** The `Location` that an authorization page sent the browser to; it may deliver a code. */
  readonly redirect?: string | undefined
  /** The response that was inspected as it passed; undefined if there was no reason to inspect it. */
  readonly response?: InspectedResponse | undefined
}

/**
 * How the client's side of an exchange ended: with a complete response; with one that was cut off, because the side
 * broke it off or stalled (`failure` says which); or with a client that disconnected first.
 */
export type Ending = 'complete' | 'cut' | 'client_closed'

/** The content of a response of at most 32 KiB. Its methods read the body when called. */
export interface InspectedResponse {
  /** The names of the members if the body is a JSON object; undefined for anything else. */
  memberNames(): readonly string[] | undefined
  /** The value of a member that is plain text, found without parsing the body: a secret if it is a credential. */
  textMember(name: string): string | undefined
  /** A description of the body without its values. */
  shape(): string | undefined
  /** The credentials that a successful response issues in its body; empty for any other. */
  issued(): readonly Issued[]
}

/** The client disconnected first. */
export const CLIENT_CLOSED = 499
