import type { GatewayError } from './local-responses.ts'

/** How an attempt at an upstream failed before its response began. */
export type Failure =
  /** No connection: not a byte of the request was sent. */
  | 'not_connected'
  /** All connections were in use for too long: not a byte of the request was sent. */
  | 'overloaded'
  /** The connection was cut, or the response is not valid HTTP. */
  | 'closed'
  | 'timed_out'

/** A response that shows that its side failed. */
export type FailedResponse =
  /** 5xx (RFC 9110 §15.6). */
  | 'server_error'
  /** Status 200 with an HTML page for a program: a proxy's welcome or maintenance page. */
  | 'unexpected_content_type'

/** How an attempt at a side failed: without a response, or with one that shows a failure. */
export type AttemptFailure = Failure | FailedResponse

/** Whether a status means that its server failed, as opposed to a response it chose (RFC 9110 §15.6). */
export function isServerFailure(status: number): boolean {
  return status >= 500
}

/** The error that a client receives if the side that must respond did not. */
export function gatewayErrorOf(failure: Failure | 'unavailable'): GatewayError {
  if (failure === 'overloaded') return 'overloaded'
  return failure === 'timed_out' ? 'gateway_timeout' : 'bad_gateway'
}
