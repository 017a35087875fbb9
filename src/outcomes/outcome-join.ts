import type { ApplicationMemory } from './application-memory.ts'
import { causeOf, type History, isStep, type Judgement, provesClient, restsOnCredential } from './cause-table.ts'
import { CredentialMemory } from './credential-memory.ts'
import type { CompletedFlow, FlowOutcome } from './flow-outcome.ts'
import { type GrantChange, GrantOutcomes, isCountedByMinute } from './grants.ts'
import { KIND_OF_REQUEST, type Observation, UNTOLD } from './observation.ts'
import { PendingStarts, type Start } from './starts.ts'

/** What comes of observations: outcomes, counted or revised, and starts whose time is over. */
export type JoinChange = GrantChange | { readonly kind: 'completion'; readonly start: Start }

/** See {@link OutcomeJoin}. */
export interface JoinOptions {
  readonly environment: string
  readonly memory: ApplicationMemory
  readonly emit: (change: JoinChange) => void
  readonly capacity?: number
}

const CREDENTIALS = 1 << 20

/** Failures after which it is unknown whether the side has used the credential up. */
const LEAVE_CREDENTIAL_IN_DOUBT: ReadonlySet<string> = new Set(['timed_out', 'cut_off', 'client_closed', 'unreadable'])

/**
 * Joins what all gateways of one environment observe into outcomes: judges the cause of each exchange, groups tries
 * into grants, and follows sign-ins from their start to the exchange of their code. Reads no clock and does no I/O.
 */
export class OutcomeJoin {
  readonly #environment: string
  readonly #memory: ApplicationMemory
  readonly #emit: (change: JoinChange) => void
  readonly #credentials: CredentialMemory
  readonly #grants: GrantOutcomes
  readonly #starts: PendingStarts
  /** What continues something that another gateway may still report, in the order of arrival. */
  #early: Observation[] = []

  /** @param options `emit` receives every change, in order; `capacity` limits the credentials that are remembered */
  constructor({ environment, memory, emit, capacity = CREDENTIALS }: JoinOptions) {
    this.#environment = environment
    this.#memory = memory
    this.#emit = emit
    this.#credentials = new CredentialMemory(capacity)
    this.#grants = new GrantOutcomes(capacity / 2)
    this.#starts = new PendingStarts((start) => this.#judgeStart(start))
  }

  /** How many starts are followed, and how many were not because there were too many. */
  get starts(): { readonly followed: number; readonly ignored: number } {
    return { followed: this.#starts.size, ignored: this.#starts.ignored }
  }

  /**
   * Takes one observation; its time must be by the clock that {@link advance} uses. The gateway that saw a credential
   * issued may report later than the one that saw it presented, and the one that saw a sign-in begin later than the one
   * that saw it end. What continues something waits until it is reported.
   */
  take(given: Observation): void {
    if (this.#isEarly(given)) this.#early.push(given)
    else this.#judge(given)
  }

  #judge(given: Observation): void {
    const told = this.#withApplication(given)
    if (told === undefined) return
    const start = this.#startOf(told, given.applicationId === UNTOLD)
    // Later steps of a sign-in do not repeat what its first step asked for.
    const observation = told.request === 'authorize' && start !== undefined ? { ...told, asked: start.asked } : told
    const history = this.#historyOf(observation)
    this.#learn(observation, start)
    if (isStep(observation)) return
    const judgement = causeOf(observation, history)
    const alone = this.#outcomeOf(observation, judgement, start)
    if (start !== undefined) {
      start.hasOutcome = true
      start.grant = alone.grant
      if (judgement.cause === 'success') this.#complete(start, observation)
    }
    const change = this.#grants.take(alone)
    if (change !== undefined) this.#emit(change)
  }

  /**
   * Judges the starts that were due by `now` in milliseconds since the epoch: the time up to which all gateways have
   * reported. Judges what waited for what it continues as soon as that is known, or after `waited`, which is later than
   * `now` if a gateway is slow.
   */
  advance(now: number, waited = now): void {
    if (this.#early.length > 0) this.#judgeEarly(waited)
    this.#starts.advance(now)
    this.#grants.forget(now)
  }

  #isEarly(observation: Observation): boolean {
    if (endsUntoldSignIn(observation)) return this.#starts.startOfFlow(observation.flow) === undefined
    const { presented, side, at } = observation
    if (presented === undefined || !restsOnCredential(observation)) return false
    return this.#credentials.state(presented, side, at) === 'unknown'
  }

  /** The ends of sign-ins come first: the codes that they issued are what others wait for. */
  #judgeEarly(until: number): void {
    const early = this.#early
    this.#early = []
    for (const isFirst of [true, false]) {
      for (const each of early) {
        if (endsUntoldSignIn(each) !== isFirst) continue
        if (each.at <= until || !this.#isEarly(each)) this.#judge(each)
        else this.#early.push(each)
      }
    }
  }

  /** A bearer token and a redirect to a client say nothing of the application; its issue and the start of the flow do. */
  #withApplication(given: Observation): Observation | undefined {
    if (given.applicationId !== UNTOLD) return given
    const { presented, flow } = given
    const applicationId =
      presented === undefined ? this.#starts.startOfFlow(flow)?.applicationId : this.#credentials.owner(presented)
    return applicationId === undefined ? undefined : { ...given, applicationId }
  }

  #historyOf(observation: Observation): History {
    const { applicationId, at, presented, side } = observation
    return {
      credential: this.#credentials.state(presented, side, at),
      hasAuthenticated: this.#memory.hasAuthenticated(applicationId, at),
      hasAccepted: this.#memory.hasAccepted(observation),
    }
  }

  /**
   * The start that an observation belongs to, followed from now on if it is a new one. What did not tell its application
   * continues a start, and never is one.
   */
  #startOf(observation: Observation, isUntold: boolean): Start | undefined {
    const { request, presented, flow, issued, isGranted } = observation
    switch (request) {
      case 'authorization_code':
      case 'device_code':
        return presented === undefined ? undefined : this.#starts.startOfCode(presented)
      case 'authorize': {
        if (isUntold) return this.#starts.startOfFlow(flow)
        const known = this.#starts.startContinuedBy(flow, observation.at)
        if (known !== undefined || isStep(observation) || isGranted) return known ?? this.#begin(observation, 'sign_in')
        return flow === undefined ? this.#starts.latestOf(observation) : undefined
      }
      case 'authorize_device':
        return isGranted && issued.length > 0 ? this.#begin(observation, 'device') : undefined
      default:
        return undefined
    }
  }

  #begin(observation: Observation, flow: CompletedFlow): Start | undefined {
    const { applicationId, side, at, caller, requestId, asked } = observation
    const start: Start = {
      ...{ applicationId, side, flow, startedAt: at, caller, requestId, asked },
      flowKey: observation.flow,
      grant: observation.flow ?? requestId,
      due: at + this.#memory.completionLimit(applicationId, flow),
      isComplete: false,
      hasOutcome: false,
    }
    return this.#starts.begin(start) ? start : undefined
  }

  #learn(observation: Observation, start: Start | undefined): void {
    const { applicationId, side, at, presented, request, issued, isGranted, trouble } = observation
    for (const one of issued) {
      this.#credentials.issued(observation, one)
      const isCode = one.type === 'code' || one.type === 'device_code'
      if (isCode && start !== undefined) this.#issuedCode(start, one.hash, at)
    }
    if (presented !== undefined && usesUp(observation)) this.#credentials.used(presented)
    if (provesClient(observation)) this.#memory.authenticated(applicationId, at)
    if (side !== 'rails' || trouble !== undefined) return
    if (isGranted) this.#memory.accepted(applicationId, request, observation.asked)
    const hasCode = request === 'authorize' && issued.length > 0
    if (hasCode) this.#memory.accepted(applicationId, request, observation.asked)
  }

  #issuedCode(start: Start, code: string, at: number): void {
    this.#starts.issued(start, code, at)
    if (!start.hasOutcome) start.grant = code
  }

  #outcomeOf(observation: Observation, judgement: Judgement, start: Start | undefined): FlowOutcome {
    const { applicationId, side, request, at, durationMs, caller, requestId, shape } = observation
    const kind = KIND_OF_REQUEST[request]
    const grant = isCountedByMinute(kind)
      ? `${(kind === 'password' ? observation.presented : undefined) ?? caller}-${Math.floor(at / 60_000).toString(36)}`
      : (start?.grant ?? observation.presented ?? observation.flow ?? requestId)
    return {
      ...{ environment: this.#environment, applicationId, side, kind, ...judgement, at, durationMs, grant },
      ...{ caller, requestId, isRecovered: false, shape },
    }
  }

  #complete(start: Start, { applicationId, side, at, durationMs }: Observation): void {
    if (start.isComplete) return
    start.isComplete = true
    if (side === 'rails') this.#memory.completed(applicationId, start.flow, at + durationMs - start.startedAt)
  }

  #judgeStart(start: Start): void {
    this.#emit({ kind: 'completion', start })
    if (start.hasOutcome) return
    const { applicationId, side, flow: kind, startedAt: at, grant, caller, requestId } = start
    const change = this.#grants.take({
      ...{ environment: this.#environment, applicationId, side, kind, at, grant, caller, requestId },
      ...{ cause: 'user', error: 'walked_away', durationMs: start.due - at, isRecovered: false, shape: undefined },
    })
    if (change !== undefined) this.#emit(change)
  }
}

/** Whether a request ends a sign-in at a server whose last request names no client, as IAM's do. */
function endsUntoldSignIn({ applicationId, request, flow }: Observation): boolean {
  return applicationId === UNTOLD && request === 'authorize' && flow !== undefined
}

/** Whether a request leaves its credential unusable: spent, revoked, or perhaps either. */
function usesUp({ request, isGranted, trouble, issued, presented }: Observation): boolean {
  if (trouble !== undefined && LEAVE_CREDENTIAL_IN_DOUBT.has(trouble)) return request !== 'introspect'
  if (!isGranted) return false
  if (request === 'authorization_code' || request === 'device_code' || request === 'revoke') return true
  // A server that does not rotate refresh tokens returns none, or the same one (RFC 6749 §6).
  return request === 'refresh_token' && issued.some(({ type, hash }) => type === 'refresh_token' && hash !== presented)
}
