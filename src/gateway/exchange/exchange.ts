import {
  type Destination,
  type Endpoint,
  type EndpointMatch,
  type Facts,
  MAX_BODY_BYTES,
  type Reason,
} from '../../routing/index.ts'
import { introspectAcross, isAcross, tokenInfoRequest } from '../both-sides/cross-introspection.ts'
import { CONCERNS_BOTH, querySide, querySides } from '../both-sides/query-both-sides.ts'
import { cookieOwner, type GatewayContext } from '../gateway-context.ts'
import { flowSetCookie } from '../headers/flow-cookie.ts'
import { type ForwardingInfo, publicOrigin, requestHeaders, uncompressed } from '../headers/request-headers.ts'
import { headerOf, responseHeaders, responseTrailers } from '../headers/response-headers.ts'
import { learnFromRedirect } from '../ledger/learning.ts'
import { isSuffixed, withCors } from '../responses/cors.ts'
import { afterFailure, type Failure, gatewayErrorOf, isPageForProgram, isServerFailure } from '../responses/failure.ts'
import { errorResponse, type GatewayError, type LocalResponse } from '../responses/local-responses.ts'
import { UNDECIDED } from '../routing/routes.ts'
import { CLIENT_CLOSED, type Outcome } from '../telemetry/outcome.ts'
import { RequestTrace } from '../telemetry/request-trace.ts'
import type { Admitted } from '../transport/admission.ts'
import { HeldReply } from '../transport/held-reply.ts'
import type { Peer } from '../transport/peers.ts'
import type { Reply, Transport } from '../transport/transport.ts'
import type { Attempt, AttemptOwner, RawHeaders, UpstreamRequest } from '../upstream/attempt.ts'
import type { Sender } from '../upstream/circuit/breaker.ts'
import type { CompleteResponse } from '../upstream/query-upstream.ts'
import { decideRequest, type Verdict } from './decide-request.ts'
import { errorInRedirect } from './inspection/body-copy.ts'
import { inspectResponse, type ResponseInspection } from './inspection/response-inspection.ts'
import { readRequest } from './read-request.ts'
import { senderOf } from './sender.ts'

/**
 * One request from head to log record: read, decide, forward, record. Each step is code that does not know the others.
 */
export class Exchange implements AttemptOwner, ForwardingInfo, Outcome {
  readonly #context: GatewayContext
  readonly #transport: Transport
  readonly #admitted: Admitted
  #reply: Reply
  readonly #startedAt = performance.now()
  readonly peer: Peer
  readonly correlationId: string
  readonly path: string
  endpoint: Endpoint = 'other'
  clientId: string | undefined
  applicationId: number | undefined
  destination: Destination | 'rejected' = 'legacy'
  reason: Reason = 'not_routed'
  flagVersion: number | undefined
  durationMs = 0
  oauthError: string | undefined
  granted = false
  #facts: Facts | undefined
  /** Undefined until first needed, and whenever tracing is off. */
  #trace: RequestTrace | undefined
  #iamPath = ''
  #isSuffixed = false
  #patience: NodeJS.Timeout | undefined
  #body: Buffer | undefined
  #attempt: Attempt | undefined
  #attempts = 0
  #awaitsCircuit = false
  #watch: ResponseInspection | undefined
  #isReading = false
  #isOver = false

  constructor(context: GatewayContext, transport: Transport, admitted: Admitted, peer: Peer, correlationId: string) {
    this.#context = context
    this.#transport = transport
    this.#admitted = admitted
    this.#reply = transport.reply
    this.peer = peer
    this.correlationId = correlationId
    const mark = admitted.target.indexOf('?')
    this.path = mark < 0 ? admitted.target : admitted.target.slice(0, mark)
  }

  get method(): string {
    return this.#transport.method
  }

  get host(): string {
    return this.#admitted.host
  }

  get connection(): string | undefined {
    return this.#admitted.connection
  }

  get status(): number {
    return this.#reply.status || CLIENT_CLOSED
  }

  get isBrakeOn(): boolean {
    return this.#context.isBrakeOn
  }

  /** Starts handling the request. */
  start(): void {
    const match = this.#context.iam === undefined ? undefined : this.#context.routes.match(this.path)
    if (match === undefined) return this.#forward('legacy')
    if (match === 'iam_page') return this.#forwardPage()
    this.endpoint = match.endpoint
    this.#isSuffixed = isSuffixed(match)
    if (UNDECIDED.has(match.endpoint)) return this.#answerUndecided()
    this.#iamPath = this.#context.routes.atIam(match) + this.#admitted.target.slice(this.path.length)
    if (!this.#admitted.hasBody) return this.#decide(match)
    const body = this.#transport.readBody(MAX_BODY_BYTES)
    if (body instanceof Promise) return void this.#readThenDecide(match, body)
    this.#body = body
    this.#decide(match)
  }

  /** Forwards a test control to both sides and responds with the merged result. */
  async startTestControl(ask: NonNullable<GatewayContext['testControls']>): Promise<void> {
    const { status, body } = await ask(this.#admitted.target)
    this.#answer({ status, headers: [['Content-Type', 'text/plain; charset=utf-8']], body })
  }

  /** Called once the client's connection is finished with this exchange, whether or not it got a response. */
  close(isFinished: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#patience)
    if (!isFinished) {
      this.#attempt?.cancel()
      this.#awaitsCircuit = false
      // The body was cut short, so nothing has been forwarded.
      if (this.#isReading) [this.destination, this.reason] = ['rejected', 'malformed_request']
    }
    if (this.#watch !== undefined && isFinished) {
      this.oauthError = this.#watch.oauthError
      this.granted = this.#watch.grants
    }
    this.durationMs = performance.now() - this.#startedAt
    if (this.#context.tracing !== undefined) this.#tracing()?.end(this, this.#context.recorder.applicationOf(this))
    this.#context.recorder.record(this)
  }

  #answerUndecided(): void {
    const { keys, discovery } = this.#context
    const isRead = (this.method === 'GET' || this.method === 'HEAD') && !this.#admitted.hasBody
    if (!isRead || keys === undefined) return this.#forward('legacy')
    const { origin, 'if-none-match': ifNoneMatch } = this.#transport.headers
    if (this.endpoint === 'jwks') {
      keys.answer(origin, ifNoneMatch).then((answer) => {
        if (answer) this.#answer(answer)
        else this.#forward('legacy')
      }, this.fail)
      return
    }
    const address = this.#publicOrigin() + this.#admitted.target
    discovery.answer(this.#requestFor('legacy'), address, origin).then((answer) => {
      if (this.#isOver) return
      if (typeof answer === 'string') this.#respondWithError(gatewayErrorOf(answer))
      else this.#passOn(answer)
    }, this.fail)
  }

  #forwardPage(): void {
    this.reason = 'iam_page'
    this.#iamPath = this.#admitted.target
    this.#forward('iam')
  }

  async #readThenDecide(match: EndpointMatch, reading: Promise<Buffer | 'too_large' | 'aborted'>): Promise<void> {
    const { requestBodyMs } = this.#context.limits
    const timer = setTimeout(() => this.#reject('body_too_slow', 'malformed_request'), requestBodyMs)
    this.#isReading = true
    try {
      const body = await reading
      if (this.#isOver || this.destination === 'rejected') return
      if (body === 'aborted') return this.#reply.cut()
      this.#isReading = false
      if (body === 'too_large') return this.#reject('body_too_large', 'body_too_large')
      this.#body = body
      this.#decide(match)
    } catch (error) {
      this.fail(error)
    } finally {
      clearTimeout(timer)
    }
  }

  #decide(match: EndpointMatch): void {
    const context = this.#context
    const { target } = this.#admitted
    const query = target.slice(this.path.length + 1)
    const cookie = match.endpoint === 'authorize' ? this.#transport.headers.cookie : undefined
    const facts = readRequest(context.marks, match.endpoint, this.method, query, this.#admitted, this.#body, cookie)
    this.clientId = facts.clientId
    this.flagVersion = context.source.version
    if (facts.exceedsLimits) return this.#reject('too_many_parameters', 'malformed_request')
    if (context.tracing !== undefined) this.#tracing(facts)
    const verdict = decideRequest(context, facts, this)
    if (verdict instanceof Promise) verdict.then(this.#follow).catch(this.fail)
    else this.#follow(verdict)
  }

  readonly #follow = ({ facts, decision }: Verdict): void => {
    if (this.#isOver) return
    this.#facts = facts
    if (decision === undefined) return this.#reject('temporarily_unavailable', 'credential_unknown')
    this.reason = decision.reason
    this.applicationId = decision.applicationId
    if (isAcross(facts)) return void this.#introspectAcross(facts).catch(this.fail)
    const concernsBoth = decision.reason === 'credential_unknown' && CONCERNS_BOTH.has(this.endpoint)
    if (concernsBoth && this.#context.iam !== undefined) this.#queryBothSides().catch(this.fail)
    else this.#forward(decision.destination)
  }

  async #queryBothSides(): Promise<void> {
    const finding = await querySides(this.#context, this.endpoint, (side) => this.#requestFor(side))
    if (this.#isOver) return
    if (finding.by === 'neither') return this.#respondWithError(finding.error)
    this.destination = finding.by
    this.#passOn(finding.answer)
  }

  /** Neither side knows both tokens, so the gateway queries each side about its own. */
  async #introspectAcross(facts: Facts): Promise<void> {
    const context = this.#context
    const ask = (side: Destination, token: string) =>
      querySide(context, side, tokenInfoRequest(this.#requestFor(side), context.routes.tokenInfo(side), token))
    const finding = await introspectAcross(facts, ask, Date.now() / 1_000)
    if (this.#isOver) return
    if (finding.by === 'neither') return this.#respondWithError('temporarily_unavailable')
    if (finding.by !== 'gateway') return this.#forward(finding.by)
    const headers = [
      ['Content-Type', 'application/json; charset=utf-8'],
      ['Cache-Control', 'no-store'],
    ] as const
    this.destination = facts.credential === 'iam' ? 'iam' : 'legacy'
    this.#answer({ status: 200, headers, body: JSON.stringify(finding.document) })
  }

  #passOn({ status, statusText, raw, length, body }: CompleteResponse): void {
    if (!this.#beginReply(status, statusText, raw, length)) return
    if (body.length > 0) this.onData(body)
    this.onEnd([])
  }

  #forward(destination: Destination): void {
    const context = this.#context
    const upstream = destination === 'iam' ? context.iam : context.legacy
    if (upstream === undefined) return this.#respondWithError('temporarily_unavailable')
    this.destination = destination
    this.#attempts++
    this.#awaitsCircuit = destination === 'iam'
    const { iamHeadersMs, iamNewFlowMs } = context.limits
    const mayFailOver = destination === 'iam' && this.#facts?.startsFlow === true
    if (mayFailOver && iamNewFlowMs < iamHeadersMs) this.#patience = setTimeout(this.#onSlow, iamNewFlowMs)
    this.#attempt = this.#transport.attempt(this)
    this.#attempt.start(upstream, this.#requestFor(destination))
  }

  /** IAM may still respond, but too late for a user whom legacy can serve. */
  readonly #onSlow = (): void => {
    if (!this.#awaitsCircuit) return
    const failure = this.#attempt?.isQueued ? 'overloaded' : 'timed_out'
    this.#attempt?.cancel()
    this.onFailure(failure, new Error('iam takes too long for a new flow'))
  }

  #requestFor(destination: Destination): UpstreamRequest {
    const headers = requestHeaders(this.#headersFor(destination), cookieOwner(this.#context, destination), this)
    const trace = this.#context.tracing === undefined ? undefined : this.#tracing()
    return {
      method: this.method,
      path: destination === 'iam' ? this.#iamPath : this.#admitted.target,
      headers: trace === undefined ? headers : trace.upstream(headers, destination),
      body: this.#facts === undefined && this.#admitted.hasBody ? this.#transport.stream : (this.#body ?? null),
      traffic: this.endpoint === 'other' && destination === 'legacy' ? 'other' : 'oauth',
    }
  }

  /** The trace of this request, started on first use. */
  #tracing(facts?: Facts): RequestTrace | undefined {
    const { tracing, marks } = this.#context
    if (this.#trace !== undefined || tracing === undefined) return this.#trace
    const { method, endpoint, correlationId, peer } = this
    const presented = endpoint === 'token' ? facts?.presented : undefined
    const { headers } = this.#transport
    this.#trace = RequestTrace.begin({
      ...{ tracing, endpoint, method, correlationId, headers, presented },
      isTrusted: peer.isTrusted,
      key: marks.flowKey,
    })
    return this.#trace
  }

  get traceId(): string | undefined {
    return this.#trace?.traceId
  }

  /** Sent to the routing endpoint as the parent of its span. */
  get traceparent(): string | undefined {
    return this.#trace?.traceparent
  }

  /** Where no mark identifies IAM's credentials, the gateway must be able to read the response that issues them. */
  #headersFor(destination: Destination): readonly string[] {
    const { rawHeaders } = this.#transport
    return destination === 'iam' && this.#context.ledger.iamMayHoldUnknown ? uncompressed(rawHeaders) : rawHeaders
  }

  onHead(status: number, statusText: string, raw: RawHeaders, length: string | undefined): boolean {
    const context = this.#context
    const isFailure = this.#isFailureOfIam(status, raw)
    this.#settle(isFailure)
    if (isFailure) {
      this.#trace?.failed()
      const what = status === 200 ? 'iam answered with an unexpected content type' : 'iam answered with a server error'
      context.log.warn({ correlation_id: this.correlationId, status }, what)
      // A request with an IAM credential can only go to IAM: the client keeps the credential and retries.
      if (this.#facts?.startsFlow) this.#failOver()
      else this.#respondWithError('temporarily_unavailable')
      return false
    }
    return this.#beginReply(status, statusText, raw, length)
  }

  #isFailureOfIam(status: number, raw: RawHeaders): boolean {
    if (this.destination !== 'iam') return false
    if (status !== 200) return isServerFailure(status)
    return isPageForProgram(this.endpoint, status, headerOf(raw, 'content-type'))
  }

  #beginReply(status: number, statusText: string, raw: RawHeaders, length: string | undefined): boolean {
    const context = this.#context
    const answer = responseHeaders(raw, {
      cookies: cookieOwner(context, this.#side),
      internalHosts: context.internalHosts,
      publicOrigin: this.#publicOrigin,
    })
    this.#noteRedirect(status, answer.headers)
    try {
      this.#reply.head(status, statusText, answer.headers, length)
    } catch (error) {
      context.log.error(
        { err: error, correlation_id: this.correlationId },
        'an upstream sent a head that cannot be passed on',
      )
      this.#respondWithError('bad_gateway')
      return false
    }
    const { headers, isJson } = answer
    const [endpoint, side, mayHandOver] = [this.endpoint, this.#side, this.#mayHandOver]
    this.#watch = inspectResponse(context, { endpoint, side, status, isJson, headers, mayHandOver })
    if (context.ledger.isShared && (this.#watch !== undefined || mayHandOver)) {
      this.#reply = new HeldReply(this.#reply, context.ledger.settled)
    }
    this.#reply.flush()
    return true
  }

  readonly #publicOrigin = (): string => publicOrigin(this.#transport.headers, this)

  get #side(): Destination {
    return this.destination === 'iam' ? 'iam' : 'legacy'
  }

  /** Whether the response may deliver an authorization code to a client. */
  get #mayHandOver(): boolean {
    return this.endpoint === 'authorize' || this.endpoint === 'authorize_native' || this.reason === 'iam_page'
  }

  /** Records what a response head says about a flow: which side owns it, whether it has ended, and with which code. */
  #noteRedirect(status: number, headers: string[]): void {
    if (!this.#mayHandOver) return
    const location = status >= 300 && status < 400 ? headerOf(headers, 'location') : undefined
    if (location !== undefined) {
      learnFromRedirect(this.#context, this.#side, location)
      this.oauthError = errorInRedirect(location)
    }
    const page = { status, location, method: this.method, path: this.path, side: this.#side }
    const traceCookie = this.#trace?.answered(this.endpoint, page, this.#publicOrigin)
    if (traceCookie !== undefined) headers.push('Set-Cookie', traceCookie)
    if (this.endpoint !== 'authorize' || this.#facts === undefined) return
    const cookie = flowSetCookie(this.#context, this.#facts, page, this.#transport.headers.cookie, this.#publicOrigin)
    if (cookie !== undefined) headers.push('Set-Cookie', cookie)
  }

  onEarlyHints(links: string | string[]): void {
    this.#reply.earlyHints(links)
  }

  onData(chunk: Buffer): boolean {
    this.#watch?.see(chunk)
    return this.#reply.data(chunk, this.#resume)
  }

  readonly #resume = (): void => this.#attempt?.resume()

  onEnd(trailers: RawHeaders): void {
    // Before the client has the end of the response, so that it cannot use a credential that is not known yet.
    this.#watch?.learn()
    this.#reply.end(trailers.length === 0 ? undefined : responseTrailers(trailers))
  }

  onCut(error: Error): void {
    this.#warn(error, 'an upstream broke off its answer')
    this.#reply.cut()
  }

  onFailure(failure: Failure, error: Error): void {
    // A full connection pool says nothing about the health of IAM.
    if (failure === 'overloaded') this.#awaitsCircuit = false
    this.#settle(true)
    if (this.#isOver) return
    this.#trace?.failed()
    this.#warn(error, 'an upstream did not answer')
    try {
      this.#actOn(failure)
    } catch (fault) {
      this.fail(fault)
    }
  }

  #actOn(failure: Failure): void {
    const action = afterFailure(failure, {
      destination: this.#side,
      attempts: this.#attempts,
      startsFlow: this.#facts?.startsFlow ?? false,
      isRepeatable: (this.method === 'GET' || this.method === 'HEAD') && !this.#admitted.hasBody,
    })
    if (action.do === 'fail_over') this.#failOver()
    else if (action.do === 'try_again') this.#forward('legacy')
    else this.#respondWithError(action.error)
  }

  #failOver(): void {
    this.reason = 'iam_failed_over'
    this.#forward('legacy')
  }

  #reject(error: GatewayError, reason: Reason): void {
    this.destination = 'rejected'
    this.reason = reason
    this.#respondWithError(error)
  }

  /** The request body arrives too slowly: responds 408, or cuts the connection if a response has begun. */
  tooSlow(): void {
    if (this.#isOver) return
    this.#attempt?.cancel()
    if (this.#reply.status !== 0) return this.#reply.cut()
    this.#awaitsCircuit = false
    this.#reject('body_too_slow', 'malformed_request')
  }

  #respondWithError(error: GatewayError): void {
    const { method, endpoint } = this
    const { headers } = this.#transport
    const answer = errorResponse(error, endpoint, headers.accept)
    if (this.endpoint !== 'other') this.oauthError = 'temporarily_unavailable'
    if (answer.status < 500) this.oauthError = 'invalid_request'
    this.#answer(withCors({ endpoint, isSuffixed: this.#isSuffixed, method, headers }, answer))
  }

  #answer(answer: LocalResponse): void {
    if (this.#isOver) return
    this.#reply.local(answer, this.correlationId)
  }

  #settle(hasFailed: boolean): void {
    clearTimeout(this.#patience)
    if (!this.#awaitsCircuit) return
    this.#awaitsCircuit = false
    const { circuit } = this.#context
    if (hasFailed) circuit.failed(this.#sender())
    else circuit.succeeded(this.#sender)
  }

  /** Evaluated only if a request fails or has failed recently. */
  readonly #sender = (): Sender => senderOf(this.#context.source, this)

  /** The client network that counts as one caller, taking trusted proxies into account. */
  get network(): string {
    return this.#context.networkOf({ remoteAddress: this.peer.address, headers: this.#transport.headers })
  }

  #warn(error: Error, message: string): void {
    const code = (error as NodeJS.ErrnoException).code ?? error.name
    const { correlationId: correlation_id, endpoint, destination } = this
    this.#context.log.warn({ correlation_id, endpoint, destination, cause: code }, message)
  }

  /** An internal error: it fails this one request, not the process. */
  readonly fail = (error: unknown): void => {
    this.#context.log.error({ err: error, correlation_id: this.correlationId }, 'request failed')
    this.#respondWithError('bad_gateway')
  }
}
