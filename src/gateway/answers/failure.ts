import type { Destination, Endpoint } from '../../routing/index.ts'
import type { Trouble } from './local-answers.ts'

/** How an attempt at an upstream failed before its answer began. */
export type Failure =
  /** No connection: not a byte of the request left. */
  | 'not_connected'
  /** All connections were in use for too long: not a byte of the request left. */
  | 'overloaded'
  /** The connection was cut, or what came is no HTTP. */
  | 'closed'
  | 'timed_out'

/** What to do about it. */
export type Remedy =
  | { readonly do: 'fail_over' }
  | { readonly do: 'try_again' }
  | { readonly do: 'answer'; readonly trouble: Trouble }

/** What the remedy depends on. */
export interface Stake {
  readonly destination: Destination
  readonly attempts: number
  /** The request may begin a flow, so that the other side can answer it just as well. */
  readonly startsFlow: boolean
  /** GET or HEAD without a body: asking twice does no harm (RFC 9110 §9.2.2). */
  readonly isRepeatable: boolean
}

/** Answers of IAM that mean it cannot do its work, as opposed to an answer it chose (RFC 9110 §15.6). */
export function isServerFailure(status: number): boolean {
  return status >= 500
}

/** What these answer with 200 is for programs (RFC 6749 §5.1, RFC 7009 §2.2, RFC 7662 §2.2, RFC 8628 §3.2). */
const FOR_PROGRAMS: ReadonlySet<Endpoint> = new Set([
  'token',
  'introspect',
  'revoke',
  'authorize_device',
  'userinfo',
  'token_info',
])

/** Whether a page comes where no person looks: a proxy's welcome or maintenance page, and no word of IAM's. */
export function isPageForProgram(endpoint: Endpoint, status: number, contentType: string | undefined): boolean {
  return status === 200 && FOR_PROGRAMS.has(endpoint) && /^text\/html\b/i.test(contentType ?? '')
}

/**
 * Decides what follows a failed attempt. A new flow falls back to legacy once. What carries a credential of IAM is
 * sent nowhere else and not again, since a byte of it may have been processed: a false `invalid_grant` would sign
 * people out, a replayed refresh token would revoke a family. A request to legacy that may be repeated is, once, when
 * its connection was cut: a kept-alive connection may have ended just as it was used (RFC 9112 §9.3.1).
 */
export function afterFailure(failure: Failure, stake: Stake): Remedy {
  if (stake.destination === 'iam') {
    return stake.startsFlow ? { do: 'fail_over' } : { do: 'answer', trouble: 'temporarily_unavailable' }
  }
  if (failure === 'closed' && stake.isRepeatable && stake.attempts === 1) return { do: 'try_again' }
  return { do: 'answer', trouble: troubleOf(failure) }
}

/** What a client is told where a side that has to answer did not. */
export function troubleOf(failure: Failure | 'unavailable'): Trouble {
  if (failure === 'overloaded') return 'overloaded'
  return failure === 'timed_out' ? 'gateway_timeout' : 'bad_gateway'
}
