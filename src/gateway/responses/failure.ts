import type { Destination, Endpoint } from '../../routing/index.ts'
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

/** What to do after a failed attempt. */
export type FailureAction =
  | { readonly do: 'fail_over' }
  | { readonly do: 'try_again' }
  | { readonly do: 'answer'; readonly error: GatewayError }

/** What the decision after a failure depends on. */
export interface FailureContext {
  readonly destination: Destination
  readonly attempts: number
  /** The request may begin a flow, so either side can answer it. */
  readonly startsFlow: boolean
  /** GET or HEAD without a body: sending it twice does no harm (RFC 9110 §9.2.2). */
  readonly isRepeatable: boolean
}

/** Whether a status of IAM means that it failed, as opposed to a response it chose (RFC 9110 §15.6). */
export function isServerFailure(status: number): boolean {
  return status >= 500
}

/**
 * Endpoints with a 200 response that is meant for programs (RFC 6749 §5.1, RFC 7009 §2.2, RFC 7662 §2.2, RFC 8628
 * §3.2).
 */
const FOR_PROGRAMS: ReadonlySet<Endpoint> = new Set([
  'token',
  'introspect',
  'revoke',
  'authorize_device',
  'userinfo',
  'token_info',
])

/**
 * Whether a program receives an HTML page with status 200: a proxy's welcome or maintenance page, not a response of
 * IAM.
 */
export function isPageForProgram(endpoint: Endpoint, status: number, contentType: string | undefined): boolean {
  return status === 200 && FOR_PROGRAMS.has(endpoint) && /^text\/html\b/i.test(contentType ?? '')
}

/**
 * Decides what follows a failed attempt. A new flow falls back to legacy once. A request with an IAM credential goes to
 * no other side and is not retried, since IAM may have processed it: a false `invalid_grant` would sign users out, and
 * a replayed refresh token would revoke its family. A repeatable request to legacy is retried once if its connection
 * was cut: a kept-alive connection may have ended just as it was used (RFC 9112 §9.3.1).
 */
export function afterFailure(failure: Failure, context: FailureContext): FailureAction {
  if (context.destination === 'iam') {
    return context.startsFlow ? { do: 'fail_over' } : { do: 'answer', error: 'temporarily_unavailable' }
  }
  if (failure === 'closed' && context.isRepeatable && context.attempts === 1) return { do: 'try_again' }
  return { do: 'answer', error: gatewayErrorOf(failure) }
}

/** The error that a client receives if the side that must respond did not. */
export function gatewayErrorOf(failure: Failure | 'unavailable'): GatewayError {
  if (failure === 'overloaded') return 'overloaded'
  return failure === 'timed_out' ? 'gateway_timeout' : 'bad_gateway'
}
