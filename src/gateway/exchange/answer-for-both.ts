import type { Destination, Facts } from '../../routing/index.ts'
import { introspectAcross, isAcross, tokenInfoRequest } from '../both-sides/cross-introspection.ts'
import { CONCERNS_BOTH, querySide, querySides } from '../both-sides/query-both-sides.ts'
import { gatewayErrorOf } from '../responses/failure.ts'
import type { GatewayError, LocalResponse } from '../responses/local-responses.ts'
import type { CompleteResponse } from '../upstream/query-upstream.ts'
import type { ExchangeState } from './exchange-state.ts'
import { upstreamRequest } from './upstream-request.ts'

/** How to answer a request that concerns both sides. */
export type Answer =
  | { readonly do: 'forward'; readonly to: Destination }
  /** Pass on a response that one side has given to the gateway. */
  | { readonly do: 'pass_on'; readonly from: Destination; readonly response: CompleteResponse }
  /** Send a response that the gateway composed. */
  | { readonly do: 'send'; readonly from: Destination; readonly response: LocalResponse }
  | { readonly do: 'refuse'; readonly error: GatewayError }

const TO_LEGACY: Answer = { do: 'forward', to: 'legacy' }

/** Answers a request for a document that both sides share: the merged signing keys, or legacy's discovery document. */
export async function answerSharedDocument(state: ExchangeState): Promise<Answer> {
  const { context, admitted, method, transport } = state
  const { keys, discovery } = context
  const isRead = (method === 'GET' || method === 'HEAD') && !admitted.hasBody
  if (!isRead || keys === undefined) return TO_LEGACY
  const { origin, 'if-none-match': ifNoneMatch } = transport.headers
  if (state.endpoint === 'jwks') {
    const response = await keys.answer(origin, ifNoneMatch)
    return response === undefined ? TO_LEGACY : { do: 'send', from: 'legacy', response }
  }
  const address = state.publicOrigin() + admitted.target
  const response = await discovery.answer(upstreamRequest(state, 'legacy'), address, origin)
  if (typeof response === 'string') return { do: 'refuse', error: gatewayErrorOf(response) }
  return { do: 'pass_on', from: 'legacy', response }
}

/** Whether a decided request needs an answer from both sides. */
export function concernsBothSides(state: ExchangeState, facts: Facts): boolean {
  if (isAcross(facts)) return true
  return state.reason === 'credential_unknown' && CONCERNS_BOTH.has(state.endpoint) && state.context.iam !== undefined
}

/** Answers a request about a credential of unknown issuer, or about credentials of both sides. */
export async function answerFromBothSides(state: ExchangeState, facts: Facts): Promise<Answer> {
  if (isAcross(facts)) return introspect(state, facts)
  const result = await querySides(state.context, state.endpoint, (side) => upstreamRequest(state, side))
  if (result.by === 'neither') return { do: 'refuse', error: result.error }
  return { do: 'pass_on', from: result.by, response: result.answer }
}

/** Neither side knows both tokens, so the gateway queries each side about its own. */
async function introspect(state: ExchangeState, facts: Facts): Promise<Answer> {
  const { context } = state
  const ask = (side: Destination, token: string, role: 'caller' | 'subject') => {
    const request = tokenInfoRequest(upstreamRequest(state, side), context.routes.tokenInfo(side), token, role)
    return querySide(context, side, request)
  }
  const result = await introspectAcross(facts, ask, Date.now() / 1_000)
  if (result.by === 'neither') return { do: 'refuse', error: 'temporarily_unavailable' }
  if (result.by !== 'gateway') return { do: 'forward', to: result.by }
  const headers = [
    ['Content-Type', 'application/json; charset=utf-8'],
    ['Cache-Control', 'no-store'],
  ] as const
  const from = facts.credential === 'iam' ? 'iam' : 'legacy'
  return { do: 'send', from, response: { status: 200, headers, body: JSON.stringify(result.document) } }
}
