import type { Destination, Reason } from '../../routing/index.ts'
import type { GatewayContext, TestControls } from '../gateway-context.ts'
import type { AttemptFailure, Failure } from '../responses/failure.ts'
import type { GatewayError, LocalResponse } from '../responses/local-responses.ts'
import type { Transport } from '../transport/transport.ts'
import type { Attempt, AttemptOwner, RawHeaders } from '../upstream/attempt.ts'
import type { Waiting } from '../upstream/patience.ts'
import type { CompleteResponse } from '../upstream/query-upstream.ts'
import { type ActionWithoutResponse, afterFailure } from './after-failure.ts'
import { type Answer, answerFromBothSides, answerSharedDocument, concernsBothSides } from './answer-for-both.ts'
import { decideRequest, type Verdict } from './decide-request.ts'
import { errorForClient, oauthErrorIn } from './error-for-client.ts'
import { type Arrival, ExchangeState } from './exchange-state.ts'
import { failedResponse } from './inspection/failed-response.ts'
import { matchRequest } from './match-request.ts'
import { passOnData, passOnEnd, passOnHead } from './pass-on.ts'
import { DrillError, decisionHeaders, probeMarkOf } from './probe/probe.ts'
import { type BodyFault, readBody, readRequest } from './read-request.ts'
import { recordExchange } from './record-exchange.ts'
import { traceOf } from './trace-of.ts'
import { upstreamRequest } from './upstream-request.ts'

/**
 * One request from head to log record: match, read, decide, forward, inspect the response, record. It calls the steps in
 * this order; each step is code that does not know the others. What follows a
 * failed attempt is decided by {@link afterFailure} alone.
 */
export class Exchange implements AttemptOwner, Waiting {
  readonly #state: ExchangeState
  #attempt: Attempt | undefined
  /** A new flow that waits for IAM. */
  #isPatient = false
  /** The result of the current attempt at IAM still has to be reported to the circuit. */
  #awaitsCircuit = false
  #isReading = false
  #isOver = false

  constructor(context: GatewayContext, transport: Transport, arrival: Arrival) {
    this.#state = new ExchangeState(context, transport, arrival)
  }

  /** Starts handling the request. */
  start(): void {
    const state = this.#state
    const { context, admitted } = state
    const matched = matchRequest(context, admitted.target, state.path)
    if (matched === undefined) return this.#forward('legacy')
    state.matched = matched
    if (matched.kind === 'iam_page') {
      state.reason = 'iam_page'
      return this.#forward('iam')
    }
    if (matched.kind === 'shared_document') return this.#follow(answerSharedDocument(state))
    if (!admitted.hasBody) return this.#decide()
    const body = readBody(state.transport, context.limits.requestBodyMs)
    if (body instanceof Promise) return void this.#decideAfter(body).catch((error) => this.fail(error))
    state.body = body
    this.#decide()
  }

  /** Forwards a test control to both sides and responds with the merged result. */
  async startTestControl(forward: TestControls): Promise<void> {
    const { status, body } = await forward(this.#state.admitted.target)
    this.#send({ status, headers: [['Content-Type', 'text/plain; charset=utf-8']], body })
  }

  /** Called once the client's connection is finished with this exchange, whether or not it got a response. */
  close(isFinished: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#endPatience()
    if (!isFinished) {
      this.#attempt?.cancel()
      this.#awaitsCircuit = false
      // The body was cut short, so nothing has been forwarded.
      if (this.#isReading) this.#mark('malformed_request')
    }
    recordExchange(this.#state, isFinished)
  }

  /** The request body arrives too slowly: responds 408, or cuts the connection if a response has begun. */
  tooSlow(): void {
    if (this.#isOver) return
    this.#attempt?.cancel()
    if (this.#state.reply.status !== 0) return this.#cut()
    this.#awaitsCircuit = false
    this.#reject('body_too_slow', 'malformed_request')
  }

  /** An internal error: it fails this one request, not the process. */
  fail(error: unknown): void {
    const { context, correlationId } = this.#state
    context.log.error({ err: error, correlation_id: correlationId }, 'request failed')
    this.#refuse('bad_gateway')
  }

  async #decideAfter(reading: Promise<Buffer | BodyFault>): Promise<void> {
    this.#isReading = true
    const body = await reading
    if (this.#isOver || this.#state.destination === 'rejected') return
    if (body === 'aborted') return this.#state.reply.cut()
    if (body === 'too_slow') return this.#reject('body_too_slow', 'malformed_request')
    this.#isReading = false
    if (body === 'too_large') return this.#reject('body_too_large', 'body_too_large')
    this.#state.body = body
    this.#decide()
  }

  #decide(): void {
    const state = this.#state
    const { context } = state
    const facts = readRequest(context.marks, state)
    state.clientId = facts.clientId
    state.flagVersion = context.source.version
    state.probe = probeMarkOf(context, state.admitted.probeMark, facts)
    if (facts.exceedsLimits) return this.#reject('too_many_parameters', 'malformed_request')
    traceOf(state, facts)
    const verdict = decideRequest(context, facts, state)
    if (verdict instanceof Promise) verdict.then((one) => this.#obey(one)).catch((error) => this.fail(error))
    else this.#obey(verdict)
  }

  #obey({ facts, decision }: Verdict): void {
    if (this.#isOver) return
    const state = this.#state
    state.facts = facts
    if (decision === undefined) return this.#reject('temporarily_unavailable', 'credential_unknown')
    state.reason = decision.reason
    state.applicationId = decision.applicationId
    if (concernsBothSides(state, facts)) this.#follow(answerFromBothSides(state, facts))
    else this.#forward(decision.destination)
  }

  #follow(answering: Promise<Answer>): void {
    answering.then((answer) => this.#give(answer)).catch((error) => this.fail(error))
  }

  #give(answer: Answer): void {
    if (this.#isOver) return
    if (answer.do === 'forward') return this.#forward(answer.to)
    if (answer.do === 'refuse') return this.#refuse(answer.error)
    this.#state.destination = answer.from
    if (answer.do === 'send') this.#send(answer.response)
    else this.#passOn(answer.response)
  }

  #forward(side: Destination): void {
    const state = this.#state
    const { context } = state
    const upstream = side === 'iam' ? context.iam : context.legacy
    if (upstream === undefined) return this.#refuse('temporarily_unavailable')
    state.destination = side
    state.attempts++
    // A drill says nothing about the health of IAM, so the circuit does not hear of it.
    if (side === 'iam' && state.probe?.cannotReachIam === true) return this.onFailure('not_connected', new DrillError())
    this.#awaitsCircuit = side === 'iam'
    const { iamHeadersMs, iamNewFlowMs } = context.limits
    if (side === 'iam' && state.startsFlow && iamNewFlowMs < iamHeadersMs) {
      this.#isPatient = true
      context.patience.begin(this)
    }
    this.#attempt = state.transport.attempt(this)
    this.#attempt.start(upstream, upstreamRequest(state, side))
  }

  /** IAM may still respond, but too late for a user whom legacy can serve. */
  onTooLong(): void {
    this.#isPatient = false
    if (!this.#awaitsCircuit) return
    const failure = this.#attempt?.isQueued ? 'overloaded' : 'timed_out'
    this.#attempt?.cancel()
    this.onFailure(failure, new Error('iam takes too long for a new flow'))
  }

  onFailure(failure: Failure, error: Error): void {
    // A full connection pool says nothing about the health of IAM.
    if (failure === 'overloaded') this.#awaitsCircuit = false
    this.#reportToCircuit(true)
    if (this.#isOver) return
    this.#warn(error, 'an upstream did not answer')
    try {
      this.#act(afterFailure(failure, this.#state), failure)
    } catch (fault) {
      this.fail(fault)
    }
  }

  #act(action: ActionWithoutResponse, failure: AttemptFailure): void {
    const state = this.#state
    state.failure = failure
    state.trace?.failed()
    if (action.do === 'respond') return this.#refuse(action.error)
    if (action.do === 'fail_over') state.reason = 'iam_failed_over'
    this.#forward('legacy')
  }

  #reportToCircuit(hasFailed: boolean): void {
    this.#endPatience()
    if (!this.#awaitsCircuit) return
    this.#awaitsCircuit = false
    const { circuit } = this.#state.context
    if (hasFailed) circuit.failed(this.#state.sender)
    else circuit.succeeded(this.#state)
  }

  #endPatience(): void {
    if (!this.#isPatient) return
    this.#isPatient = false
    this.#state.context.patience.end(this)
  }

  onHead(status: number, statusText: string, raw: RawHeaders, length: string | undefined): boolean {
    const state = this.#state
    const failure = failedResponse(state.endpoint, status, raw)
    const action = failure === undefined ? undefined : afterFailure(failure, state)
    if (failure === undefined || action === undefined || action.do === 'pass_on') {
      this.#reportToCircuit(false)
      return this.#beginReply(status, statusText, raw, length)
    }
    this.#reportToCircuit(true)
    const what = failure === 'server_error' ? 'a server error' : 'an unexpected content type'
    state.context.log.warn({ correlation_id: state.correlationId, status }, `iam answered with ${what}`)
    this.#act(action, failure)
    return false
  }

  #beginReply(status: number, statusText: string, raw: RawHeaders, length: string | undefined): boolean {
    const isWritten = passOnHead(this.#state, status, statusText, raw, length)
    if (!isWritten) this.#refuse('bad_gateway')
    return isWritten
  }

  onEarlyHints(links: string | string[]): void {
    this.#state.reply.earlyHints(links)
  }

  onData(chunk: Buffer): boolean {
    return passOnData(this.#state, chunk, this.#resume)
  }

  readonly #resume = (): void => this.#attempt?.resume()

  onEnd(trailers: RawHeaders): void {
    passOnEnd(this.#state, trailers)
  }

  onCut(failure: Failure, error: Error): void {
    this.#warn(error, 'an upstream broke off its answer')
    this.#state.failure = failure
    this.#cut()
  }

  #passOn({ status, statusText, raw, length, body }: CompleteResponse): void {
    if (!this.#beginReply(status, statusText, raw, length)) return
    if (body.length > 0) this.onData(body)
    this.onEnd([])
  }

  #reject(error: GatewayError, reason: Reason): void {
    this.#mark(reason)
    this.#refuse(error)
  }

  #mark(reason: Reason): void {
    this.#state.destination = 'rejected'
    this.#state.reason = reason
  }

  #refuse(error: GatewayError): void {
    const state = this.#state
    const response = errorForClient(state, error)
    state.oauthError = oauthErrorIn(error, state.endpoint) ?? state.oauthError
    this.#send(response)
  }

  #send(response: LocalResponse): void {
    if (this.#isOver) return
    const { reply, correlationId, probe } = this.#state
    const told = probe === undefined ? [] : decisionHeaders(this.#state)
    reply.local(told.length === 0 ? response : { ...response, headers: [...response.headers, ...told] }, correlationId)
  }

  #cut(): void {
    this.#state.ending = 'cut'
    this.#state.reply.cut()
  }

  #warn(error: Error, message: string): void {
    const { context, correlationId, endpoint, destination } = this.#state
    const cause = (error as NodeJS.ErrnoException).code ?? error.name
    context.log.warn({ correlation_id: correlationId, endpoint, destination, cause }, message)
  }
}
