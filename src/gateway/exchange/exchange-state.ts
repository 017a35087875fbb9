import type { IncomingHttpHeaders } from 'node:http'
import type { ProbeMark } from '../../credentials/index.ts'
import type { Destination, Endpoint, Facts, Reason } from '../../routing/index.ts'
import { cookieOwner, type GatewayContext } from '../gateway-context.ts'
import type { CookieOwner } from '../headers/cookies.ts'
import { type ForwardingInfo, publicOrigin } from '../headers/request-headers.ts'
import type { ResponseRules } from '../headers/response-headers.ts'
import type { AttemptFailure } from '../responses/failure.ts'
import { CLIENT_CLOSED, type Ending, type ExchangeRecord } from '../telemetry/exchange-record.ts'
import type { RequestTrace } from '../telemetry/request-trace.ts'
import type { Admitted } from '../transport/admission.ts'
import type { Peer } from '../transport/peers.ts'
import type { Reply, Transport } from '../transport/transport.ts'
import type { Sender } from '../upstream/circuit/breaker.ts'
import type { FailureContext } from './after-failure.ts'
import type { Caller } from './decide-request.ts'
import type { ResponseInspection } from './inspection/response-inspection.ts'
import type { MatchedRequest } from './match-request.ts'
import { senderOf } from './sender.ts'

const NO_HEADERS: IncomingHttpHeaders = {}

/** An admitted request. */
export interface Arrival {
  readonly admitted: Admitted
  readonly peer: Peer
  readonly correlationId: string
}

/**
 * What is known of one exchange so far. Each step reads what the steps before it have found, and the last
 * one receives all of it as the {@link ExchangeRecord}. One object serves all steps, because a request must not cost
 * one for each.
 */
export class ExchangeState implements ExchangeRecord, FailureContext, ForwardingInfo, ResponseRules, Caller {
  readonly context: GatewayContext
  readonly transport: Transport
  readonly admitted: Admitted
  readonly peer: Peer
  readonly correlationId: string
  readonly path: string
  readonly startedAt = performance.now()
  /** The client's side; replaced if a response has to be held back. */
  reply: Reply
  matched: MatchedRequest | undefined
  body: Buffer | undefined
  facts: Facts | undefined
  /** Undefined for every request but those of a probe. */
  probe: ProbeMark | undefined
  clientId: string | undefined
  applicationId: number | undefined
  destination: Destination | 'rejected' = 'legacy'
  reason: Reason = 'not_routed'
  flagVersion: number | undefined
  /** The number of attempts at a side. */
  attempts = 0
  failure: AttemptFailure | undefined
  redirect: string | undefined
  response: ResponseInspection | undefined
  oauthError: string | undefined
  granted = false
  ending: Ending = 'client_closed'
  durationMs = 0
  /** Undefined until first needed, and whenever tracing is off. */
  trace: RequestTrace | undefined

  constructor(context: GatewayContext, transport: Transport, { admitted, peer, correlationId }: Arrival) {
    this.context = context
    this.transport = transport
    this.reply = transport.reply
    this.admitted = admitted
    this.peer = peer
    this.correlationId = correlationId
    const mark = admitted.target.indexOf('?')
    this.path = mark < 0 ? admitted.target : admitted.target.slice(0, mark)
  }

  get method(): string {
    return this.transport.method
  }

  get host(): string {
    return this.admitted.host
  }

  get connection(): string | undefined {
    return this.admitted.connection
  }

  /** As sent, without the question mark; empty for none. */
  get query(): string {
    return this.admitted.target.slice(this.path.length + 1)
  }

  get endpoint(): Endpoint {
    return this.matched?.endpoint ?? 'other'
  }

  get status(): number {
    return this.reply.status || CLIENT_CLOSED
  }

  get isBrakeOn(): boolean {
    return this.context.isBrakeOn
  }

  get side(): Destination {
    return this.destination === 'iam' ? 'iam' : 'legacy'
  }

  get startsFlow(): boolean {
    return this.facts?.startsFlow ?? false
  }

  get isRepeatable(): boolean {
    return (this.method === 'GET' || this.method === 'HEAD') && !this.admitted.hasBody
  }

  get carriesIamCredential(): boolean {
    const { facts } = this
    if (facts === undefined) return false
    return facts.credential === 'iam' || facts.hasGenuineVerifier || facts.caller?.issuer === 'iam'
  }

  /** Whether the response may deliver an authorization code to a client. */
  get mayHandOver(): boolean {
    const { endpoint } = this
    return endpoint === 'authorize' || endpoint === 'authorize_native' || this.reason === 'iam_page'
  }

  /** The owner of the cookies in a response. */
  get cookies(): CookieOwner | undefined {
    return cookieOwner(this.context, this.side)
  }

  get internalHosts(): readonly string[] {
    return this.context.internalHosts
  }

  publicOrigin(): string {
    return publicOrigin(this.transport.headers, this)
  }

  get remoteAddress(): string {
    return this.peer.address
  }

  /** The headers that may name the client's address: only those of a trusted proxy count. */
  get headers(): IncomingHttpHeaders {
    return this.peer.isTrusted ? this.transport.headers : NO_HEADERS
  }

  /** The client network that counts as one caller, taking trusted proxies into account. */
  get network(): string {
    return this.context.networkOf(this)
  }

  /** The application and network that a failure counts for. */
  get sender(): Sender {
    return senderOf(this.context.source, this)
  }

  get traceId(): string | undefined {
    return this.trace?.traceId
  }

  /** Sent to the routing endpoint as the parent of its span. */
  get traceparent(): string | undefined {
    return this.trace?.traceparent
  }
}
