import type { Log } from '../../../observability/index.ts'
import { Breaker, type BreakerPolicy, DEFAULT_BREAKER, type Sender } from './breaker.ts'
import { OwnCircuits } from './own-circuits.ts'

/** The result of a probe. */
export interface ProbeResult {
  readonly hasSucceeded: boolean
  /** The status of the response, or why there was none; for the log. */
  readonly finding: string
}

/** Minimum time between probes of a suspect upstream, in milliseconds. */
const SUSPICION_MS = 1_000
/** Maximum number of applications with an open circuit that are listed. */
const MOST_NAMED = 100
/** An application's own circuit opens for failures from at least this many networks. */
const NETWORKS_OF_AN_APPLICATION = 2

/**
 * The circuits of one upstream, with their clock, probe and log: one for everyone, one for each application, and one
 * for each application and network. The shared circuit probes the upstream while it is open, and whenever the upstream
 * is suspect, so it closes without any traffic. The others open for failures that one application or one caller causes.
 */
export class Circuit {
  readonly #upstream: string
  readonly #log: Log
  readonly #probe: () => Promise<ProbeResult>
  readonly #breaker: Breaker
  readonly #applications: OwnCircuits<number | string>
  readonly #callers: OwnCircuits<string>
  #timer: NodeJS.Timeout | undefined
  #probing: Promise<void> | undefined
  #probedAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  /** @param probe checks the health of the upstream; never rejects and has its own time limit */
  constructor(upstream: string, policy: Partial<BreakerPolicy>, log: Log, probe: () => Promise<ProbeResult>) {
    this.#upstream = upstream
    const whole = { ...DEFAULT_BREAKER, ...policy }
    this.#log = log
    this.#probe = probe
    this.#breaker = new Breaker(whole)
    this.#applications = new OwnCircuits(whole, NETWORKS_OF_AN_APPLICATION)
    this.#callers = new OwnCircuits(whole, 1)
  }

  /** Whether the upstream counts as down for everyone. */
  get isOpen(): boolean {
    return this.#breaker.isOpen
  }

  /** Whether to send a request of a known application that can also go elsewhere. Reads `network` only if needed. */
  mayTry(application: Sender['application'], sender: { readonly network: string }): boolean {
    if (this.#breaker.isOpen) return false
    if (application === undefined || this.#hasNoFailures) return true
    const now = performance.now()
    return (
      !this.#applications.isOpen(application, now) && !this.#callers.isOpen(keyOf(application, sender.network), now)
    )
  }

  /** The applications with an open circuit, at most 100. */
  get openApplications(): number[] {
    const keys = this.#applications.openKeys(performance.now())
    return keys.filter((key) => typeof key === 'number').slice(0, MOST_NAMED)
  }

  /** The number of pairs of an application and a network with an open circuit. */
  get openCallers(): number {
    return this.#callers.openKeys(performance.now()).length
  }

  /** Records a response. Reads `sender` only if there were recent failures. */
  succeeded(exchange: { readonly sender: Sender }): void {
    this.#breaker.succeeded(performance.now())
    if (this.#hasNoFailures) return
    const { application, network } = exchange.sender
    if (application === undefined || network === undefined) return
    this.#callers.succeeded(keyOf(application, network))
    if (this.#applications.succeeded(application) === 'closed') {
      this.#log.info({ upstream: this.#upstream, application }, 'circuit of one application closed')
    }
  }

  failed({ application, network }: Sender): void {
    if (this.#breaker.isOpen) return
    const now = performance.now()
    const consequence = this.#breaker.failed({ application, network }, now)
    if (consequence === 'probe') this.#suspect(now)
    else if (consequence === 'opened') return this.#opened('several applications fail')
    if (application === undefined || network === undefined) return
    const random = Math.random()
    this.#callers.failed(keyOf(application, network), network, now, random)
    if (this.#applications.failed(application, network, now, random) === 'opened') {
      this.#log.warn({ upstream: this.#upstream, application }, 'circuit of one application opened')
    }
  }

  /** Stops probing. Resolves when the probe in flight has ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#probing
  }

  get #hasNoFailures(): boolean {
    return this.#callers.isEmpty && this.#applications.isEmpty
  }

  #suspect(now: number): void {
    if (this.#probing !== undefined || now - this.#probedAt < SUSPICION_MS) return
    this.#runProbe()
  }

  #opened(why: string): void {
    this.#log.warn({ upstream: this.#upstream, why }, 'circuit opened')
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#runProbe(), this.#breaker.probeInMs(Math.random()))
  }

  #runProbe(): void {
    if (this.#isClosed || this.#probing !== undefined) return
    this.#probing = this.#probe()
      .then((result) => this.#probed(result))
      .finally(() => {
        this.#probing = undefined
      })
  }

  #probed({ hasSucceeded, finding }: ProbeResult): void {
    const now = performance.now()
    this.#probedAt = now
    const turn = this.#breaker.probed(hasSucceeded, now)
    if (turn === 'opened') return this.#opened(`requests and a probe fail (${finding})`)
    if (turn === 'closed') return this.#closed()
    const message = this.#breaker.isOpen ? 'circuit half-open' : 'requests fail, but a probe succeeds'
    this.#log.info({ upstream: this.#upstream, finding }, message)
    if (this.#breaker.isOpen) this.#schedule()
  }

  /** Failures before the outage was detected count as part of it. */
  #closed(): void {
    this.#applications.clear()
    this.#callers.clear()
    this.#log.info({ upstream: this.#upstream }, 'circuit closed')
  }
}

function keyOf(application: number | string, network: string): string {
  return `${application} ${network}`
}
