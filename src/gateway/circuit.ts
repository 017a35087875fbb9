import type { Log } from '../observability/index.ts'
import {
  afterOutcome,
  afterSending,
  type BreakerOutcome,
  type BreakerPolicy,
  type BreakerState,
  CLOSED,
  DEFAULT_BREAKER,
  mayTry,
} from './breaker.ts'

/** The breaker of one upstream, with a clock and a log around it. */
export class Circuit {
  readonly #name: string
  readonly #policy: BreakerPolicy
  readonly #log: Log
  #state: BreakerState = CLOSED

  constructor(name: string, policy: Partial<BreakerPolicy>, log: Log) {
    this.#name = name
    this.#policy = { ...DEFAULT_BREAKER, ...policy }
    this.#log = log
  }

  /** Whether the circuit is closed, or a probe is due. */
  get mayTry(): boolean {
    return this.#state.phase === 'closed' || mayTry(this.#state, performance.now(), this.#policy)
  }

  get isOpen(): boolean {
    return this.#state.phase !== 'closed'
  }

  /** Tells that a request is being sent; every call is followed by one of {@link settle}. */
  send(): void {
    if (this.#state.phase !== 'closed') this.#move(afterSending(this.#state, performance.now()))
  }

  settle(outcome: BreakerOutcome): void {
    this.#move(afterOutcome(this.#state, outcome, performance.now(), this.#policy, Math.random()))
  }

  #move(next: BreakerState): void {
    const from = this.#state.phase
    this.#state = next
    if (next.phase === from) return
    const fields = { upstream: this.#name, from, to: next.phase }
    if (next.phase === 'open') this.#log.warn(fields, 'circuit opened')
    else this.#log.info(fields, next.phase === 'closed' ? 'circuit closed' : 'circuit probes')
  }
}
