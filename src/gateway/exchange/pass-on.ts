import { flowSetCookie } from '../headers/flow-cookie.ts'
import { headerOf, responseHeaders, responseTrailers } from '../headers/response-headers.ts'
import { learnFromRedirect } from '../ledger/learning.ts'
import { HeldReply } from '../transport/held-reply.ts'
import type { RawHeaders } from '../upstream/attempt.ts'
import type { ExchangeState } from './exchange-state.ts'
import { errorInRedirect } from './inspection/body-copy.ts'
import { inspectResponse } from './inspection/response-inspection.ts'
import { decisionHeaders } from './probe/probe.ts'

/**
 * Step 5: passes a side's response on to the client and inspects it on the way. The head comes first;
 * returns false if it cannot be written as it is.
 *
 * @param length the Content-Length as sent
 */
export function passOnHead(
  state: ExchangeState,
  status: number,
  statusText: string,
  raw: RawHeaders,
  length: string | undefined,
): boolean {
  const { context, endpoint, side, mayHandOver } = state
  const { headers, isJson } = responseHeaders(raw, state)
  if (state.probe !== undefined) headers.push(...decisionHeaders(state).flat())
  if (mayHandOver) noteRedirect(state, status, headers)
  try {
    state.reply.head(status, statusText, headers, length)
  } catch (error) {
    const fields = { err: error, correlation_id: state.correlationId }
    context.log.error(fields, 'an upstream sent a head that cannot be passed on')
    return false
  }
  state.response = inspectResponse(context, { endpoint, side, status, isJson, headers, mayHandOver })
  if (context.ledger.isShared && (state.response !== undefined || mayHandOver)) {
    state.reply = new HeldReply(state.reply, context.ledger.settled)
  }
  state.reply.flush()
  return true
}

/** Returns false if the client cannot accept more until `onDrain` is called. */
export function passOnData(state: ExchangeState, chunk: Buffer, onDrain: () => void): boolean {
  state.response?.see(chunk)
  return state.reply.data(chunk, onDrain)
}

export function passOnEnd(state: ExchangeState, trailers: RawHeaders): void {
  // Before the client has the end of the response, so that it cannot use a credential that is not known yet.
  state.response?.learn()
  state.reply.end(trailers.length === 0 ? undefined : responseTrailers(trailers))
}

/**
 * Records what a response says about a flow: which side owns it, whether it has ended, and with which code or error.
 * Adds the cookies that keep the flow with its side and its trace.
 */
function noteRedirect(state: ExchangeState, status: number, headers: string[]): void {
  const { context, side, facts, endpoint, method, path } = state
  const location = status >= 300 && status < 400 ? headerOf(headers, 'location') : undefined
  if (location !== undefined) {
    learnFromRedirect(context, side, location)
    state.oauthError = errorInRedirect(location)
  }
  state.redirect = location
  const page = { status, location, method, path, side }
  const origin = () => state.publicOrigin()
  const traceCookie = state.trace?.answered(endpoint, page, origin)
  if (traceCookie !== undefined) headers.push('Set-Cookie', traceCookie)
  if (endpoint !== 'authorize' || facts === undefined) return
  const cookie = flowSetCookie(context, facts, page, state.admitted.cookie, origin)
  if (cookie !== undefined) headers.push('Set-Cookie', cookie)
}
