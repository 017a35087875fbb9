import { createHmac } from 'node:crypto'
import { parseTraceparent, type Span, type TraceContext, type Tracing } from '../../observability/index.ts'
import { type Endpoint, GATEWAY_COOKIE_MARK, loggableClientId, WIRE_DESTINATION } from '../../routing/index.ts'
import { isKnown, type KnownAs } from '../decision-source/source.ts'
import { type AuthorizePage, flowTurn } from '../headers/flow-cookie.ts'
import { issuedInLocation } from '../ledger/issued.ts'
import type { ExchangeRecord } from './exchange-record.ts'

const COOKIE = `${GATEWAY_COOKIE_MARK}trace`
/** As long as a challenge waits for its user. */
const COOKIE_SECONDS = 600

/** The inputs from which a trace begins. */
export interface Traceable {
  readonly tracing: Tracing
  readonly endpoint: Endpoint
  readonly method: string
  readonly correlationId: string
  /** Whether to trust the sampling decision of the peer. */
  readonly isTrusted: boolean
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The credential that is presented at the token endpoint. */
  readonly presented: string | undefined
  /** Keys the hash of a credential, so that a trace id reveals nothing about it. */
  readonly key: Uint8Array | undefined
}

/**
 * The trace of one request through the gateway: the one in its `traceparent`, otherwise the one of the browser's flow
 * (from a cookie), otherwise the one derived from the code or token it presents, otherwise a new one.
 */
export class RequestTrace {
  readonly #span: Span
  readonly #flow: TraceContext | undefined
  readonly #key: Uint8Array | undefined
  #calls: Span[] = []

  private constructor(span: Span, flow: TraceContext | undefined, key: Uint8Array | undefined) {
    this.#span = span
    this.#flow = flow
    this.#key = key
  }

  /**
   * Returns undefined if the request is not traced, for example one outside the endpoints that belongs to no traced
   * flow.
   */
  static begin(from: Traceable): RequestTrace | undefined {
    const { tracing, endpoint, headers, key, presented } = from
    const flow = flowIn(headers['cookie'])
    if (endpoint === 'other' && flow === undefined) return undefined
    const brought = parseTraceparent(headers['traceparent'])
    const credentialTrace = key !== undefined && presented !== undefined ? traceOf(presented, key) : undefined
    const isTrusted = brought === undefined ? false : from.isTrusted
    const name = `${from.method} ${endpoint}`
    const span = tracing.begin({ name, parent: brought ?? flow, isTrusted, traceId: credentialTrace })
    if (span === undefined) return undefined
    if (brought !== undefined && flow !== undefined) span.link(flow)
    span.set('http.request.method', from.method)
    span.set('http.route', endpoint)
    span.set('handover.correlation_id', from.correlationId)
    span.set('handover.credential_trace', credentialTrace)
    return new RequestTrace(span, flow, key)
  }

  get traceId(): string {
    return this.#span.traceId
  }

  /** Sent to the routing endpoint as the parent of its span. */
  get traceparent(): string {
    return this.#span.traceparent
  }

  /** Returns the headers for one call to a side, which gets its own span; names and values alternate. */
  upstream(headers: string[], side: 'legacy' | 'iam'): string[] {
    const call = this.#span.call(`call ${WIRE_DESTINATION[side]}`)
    call.set('handover.destination', WIRE_DESTINATION[side])
    this.#calls.push(call)
    const others = headers.filter((_, at) => (headers[at - (at % 2)] as string).toLowerCase() !== 'traceparent')
    return [...others, 'traceparent', call.traceparent]
  }

  /** Ends the spans of all calls so far as failed. */
  failed(): void {
    for (const call of this.#calls) call.end(true)
    this.#calls = []
  }

  /**
   * Records the response to a page. If it delivers a code, the request that presents the code belongs to the trace that
   * this one links to. Returns the `Set-Cookie` that keeps the pages of a browser's flow in one trace, or that forgets
   * it; undefined for neither.
   */
  answered(endpoint: Endpoint, page: AuthorizePage, publicOrigin: () => string): string | undefined {
    for (const { value } of issuedInLocation(page.location ?? '')) this.#issued(value)
    if (endpoint !== 'authorize') return undefined
    const turn = flowTurn(page.method, page.status, page.location, publicOrigin)
    const isNew = turn === 'goes_on' && this.#flow === undefined
    const isOver = turn === 'over' && this.#flow !== undefined
    if (!isNew && !isOver) return undefined
    const [value, age] = isNew ? [this.#span.traceparent, COOKIE_SECONDS] : ['', 0]
    const secure = publicOrigin().startsWith('https:') ? '; Secure' : ''
    return `${COOKIE}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure}`
  }

  #issued(code: string): void {
    if (this.#key === undefined) return
    const trace = traceOf(code, this.#key)
    this.#span.set('handover.credential_trace', trace)
    this.#span.mark('code issued', trace)
  }

  /**
   * Ends the spans of this request.
   *
   * @param application what is known of the client
   */
  end(record: ExchangeRecord, application: KnownAs): void {
    for (const call of this.#calls) call.end()
    const { status, reason, destination, clientId } = record
    this.#span.set('http.response.status_code', status)
    this.#span.set('handover.destination', WIRE_DESTINATION[destination])
    this.#span.set('handover.reason', reason)
    const client = clientId === undefined ? undefined : loggableClientId(clientId, isKnown(application))
    this.#span.set('handover.client_id', client)
    this.#span.set('handover.application_id', typeof application === 'number' ? application : undefined)
    this.#span.end(status >= 500)
  }
}

/** Derived from a credential without revealing it: all requests that present it, at any gateway, share one trace. */
function traceOf(credential: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`handover credential trace\n${credential}`).digest('hex').slice(0, 32)
}

function flowIn(cookie: string | string[] | undefined): TraceContext | undefined {
  if (typeof cookie !== 'string' || !cookie.includes(COOKIE)) return undefined
  const pair = cookie.split(';').find((one) => one.trimStart().startsWith(`${COOKIE}=`))
  return parseTraceparent(pair?.trim().slice(COOKIE.length + 1))
}
