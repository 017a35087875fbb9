/** When circuits open and how they close again. */
export interface BreakerPolicy {
  /** Number of consecutive failures that makes an upstream suspect, or opens the circuit of one application. */
  readonly consecutiveFailures: number
  /** Alternatively, the share of failures among at least `windowMinimum` outcomes of one window. */
  readonly failureRatio: number
  readonly windowMinimum: number
  /** Length of a window in milliseconds; failures further apart are not consecutive. */
  readonly windowMs: number
  /** Minimum number of applications and networks with consecutive failures that opens the shared circuit. */
  readonly applications: number
  readonly networks: number
  /** Milliseconds until the first probe after opening; doubles up to `openMaxMs` with every failed probe. */
  readonly openMs: number
  readonly openMaxMs: number
  /** Number of consecutive successful probes that closes the shared circuit. */
  readonly successesToClose: number
}

/** The default policy of a gateway; settings override it. */
export const DEFAULT_BREAKER: BreakerPolicy = {
  consecutiveFailures: 5,
  failureRatio: 0.5,
  windowMinimum: 20,
  windowMs: 10_000,
  applications: 3,
  networks: 3,
  openMs: 1_000,
  openMaxMs: 30_000,
  successesToClose: 2,
}

/** The sender of a request, where known. */
export interface Sender {
  /** The known application that sent the request: its id, or its client id where only that is known. */
  readonly application: number | string | undefined
  readonly network: string | undefined
}

/** The sender of a request that belongs to no application. */
export const NOBODY: Sender = { application: undefined, network: undefined }

/** The effect of a failure: none, a probe that shows whether the upstream itself fails, or an open circuit. */
export type Consequence = 'none' | 'probe' | 'opened'

/**
 * Decides when one upstream counts as down for everyone. One client, one application or one network cannot open it:
 * their failures only make the upstream suspect, and a probe that no client can influence decides. Consecutive failures
 * from several applications and networks open it at once. Only probes close it. It reads no clock; `now` is in
 * milliseconds of one monotonic clock. A success allocates nothing.
 */
export class Breaker {
  readonly #policy: BreakerPolicy
  readonly #applications = new Set<number | string>()
  readonly #networks = new Set<string>()
  #inARow = 0
  #failedAt = Number.NEGATIVE_INFINITY
  #windowFrom = 0
  #successes = 0
  #failures = 0
  #isOpen = false
  #openings = 0
  #closedAt = Number.NEGATIVE_INFINITY
  #probesInARow = 0

  constructor(policy: BreakerPolicy) {
    this.#policy = policy
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Records a response. */
  succeeded(now: number): void {
    if (this.#isOpen) return
    this.#roll(now)
    this.#successes++
    if (this.#inARow > 0) this.#endRow()
  }

  failed({ application, network }: Sender, now: number): Consequence {
    if (this.#isOpen) return 'none'
    const { consecutiveFailures, windowMs, applications, networks } = this.#policy
    this.#roll(now)
    if (now - this.#failedAt >= windowMs) this.#endRow()
    this.#failedAt = now
    this.#failures++
    this.#inARow++
    if (application !== undefined && network !== undefined) {
      if (this.#applications.size < applications) this.#applications.add(application)
      if (this.#networks.size < networks) this.#networks.add(network)
    }
    const isWidespread = this.#applications.size >= applications && this.#networks.size >= networks
    if (!isWidespread || this.#inARow < consecutiveFailures) return this.#isSuspect ? 'probe' : 'none'
    this.#open(now)
    return 'opened'
  }

  /** Records the result of a probe; returns whether it opened or closed the circuit. */
  probed(hasSucceeded: boolean, now: number): 'opened' | 'closed' | 'unchanged' {
    if (!this.#isOpen) {
      // The failed requests were at fault. They still count if requests of other applications fail next.
      if (hasSucceeded) return 'unchanged'
      this.#open(now)
      return 'opened'
    }
    this.#probesInARow = hasSucceeded ? this.#probesInARow + 1 : 0
    if (!hasSucceeded) this.#openings++
    if (this.#probesInARow < this.#policy.successesToClose) return 'unchanged'
    this.#isOpen = false
    this.#closedAt = now
    this.#beginWindow(now)
    this.#endRow()
    return 'closed'
  }

  /**
   * Milliseconds until the next probe while the circuit is open.
   *
   * @param random 0 to 1, adds jitter to the probes of many gateways
   */
  probeInMs(random: number): number {
    const { openMs } = this.#policy
    return this.#probesInARow > 0 ? openMs / 2 : openPeriod(this.#openings, this.#policy, random)
  }

  /** A circuit that reopens soon after it closed continues with longer periods. */
  #open(now: number): void {
    this.#isOpen = true
    this.#openings = now - this.#closedAt < this.#policy.openMaxMs ? this.#openings + 1 : 1
    this.#probesInARow = 0
  }

  get #isSuspect(): boolean {
    const { consecutiveFailures, windowMinimum, failureRatio } = this.#policy
    const total = this.#failures + this.#successes
    return this.#inARow >= consecutiveFailures || (total >= windowMinimum && this.#failures / total >= failureRatio)
  }

  #roll(now: number): void {
    if (now - this.#windowFrom >= this.#policy.windowMs) this.#beginWindow(now)
  }

  #beginWindow(now: number): void {
    this.#windowFrom = now
    this.#successes = 0
    this.#failures = 0
  }

  #endRow(): void {
    this.#inARow = 0
    this.#applications.clear()
    this.#networks.clear()
  }
}

/** The length of the `openings`th open period in milliseconds, ±25% so that many gateways do not probe in step. */
export function openPeriod(openings: number, { openMs, openMaxMs }: BreakerPolicy, random: number): number {
  return Math.min(openMaxMs, openMs * 2 ** Math.min(openings - 1, 20)) * (0.75 + random / 2)
}
