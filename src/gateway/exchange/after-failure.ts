import type { Destination } from '../../routing/index.ts'
import { type AttemptFailure, type Failure, gatewayErrorOf } from '../responses/failure.ts'
import type { GatewayError } from '../responses/local-responses.ts'

/** What the decision after a failed attempt depends on. */
export interface FailureContext {
  /** The side that the attempt went to. */
  readonly side: Destination
  /** The number of attempts so far, this one included. */
  readonly attempts: number
  /** The request may begin a flow, so either side can answer it. */
  readonly startsFlow: boolean
  /** GET or HEAD without a body: sending it twice does no harm (RFC 9110 §9.2.2). */
  readonly isRepeatable: boolean
  /** The request presents a credential that IAM issued. */
  readonly carriesIamCredential: boolean
}

/** What to do after a failed attempt. */
export type FailureAction =
  /** Forward the response of the side as it is. */
  { readonly do: 'pass_on' } | ActionWithoutResponse

/** What to do after an attempt that brought no response to pass on. */
export type ActionWithoutResponse =
  /** Send the request to legacy instead. */
  | { readonly do: 'fail_over' }
  /** Send the request to the same side once more. */
  | { readonly do: 'retry' }
  /** Respond with an error of the gateway. */
  | { readonly do: 'respond'; readonly error: GatewayError }

const PASS_ON: FailureAction = { do: 'pass_on' }
const FAIL_OVER: FailureAction = { do: 'fail_over' }
const RETRY: FailureAction = { do: 'retry' }
const UNAVAILABLE: FailureAction = { do: 'respond', error: 'temporarily_unavailable' }

/**
 * Decides what follows a failed attempt. This function alone decides whether a request is sent once more, and where:
 *
 * - A request with a credential of IAM is never sent again, and never to legacy. IAM may have processed it: a replayed
 *   refresh token would revoke its family, and a false `invalid_grant` from legacy would sign the user out. The client
 *   keeps its credential and gets 503.
 * - A new flow that fails at IAM goes to legacy, once.
 * - A repeatable request to legacy is sent again, once, if its connection was closed: a kept-alive connection may have
 *   ended just as it was used (RFC 9112 §9.3.1).
 * - A failing response of legacy is legacy's answer; only it can answer such a request.
 *
 * So no request is sent more than twice, and none twice to IAM.
 */
export function afterFailure(failure: Failure, context: FailureContext): ActionWithoutResponse
export function afterFailure(failure: AttemptFailure, context: FailureContext): FailureAction
export function afterFailure(failure: AttemptFailure, context: FailureContext): FailureAction {
  const { side, attempts, carriesIamCredential } = context
  const maySendAgain = attempts === 1 && !carriesIamCredential
  if (side === 'iam') return maySendAgain && context.startsFlow ? FAIL_OVER : UNAVAILABLE
  if (failure === 'server_error' || failure === 'unexpected_content_type') return PASS_ON
  if (failure === 'closed' && maySendAgain && context.isRepeatable) return RETRY
  return { do: 'respond', error: gatewayErrorOf(failure) }
}
