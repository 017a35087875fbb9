import type { Log } from '../../../observability/index.ts'
import type { CredentialMarks, Destination } from '../../../routing/index.ts'
import { judgeMark, type MarkVerdict } from './judge-mark.ts'
import { obtainToken, type Probe, type ProbeOutcome, revokeToken } from './probe-side.ts'

/** The status of a side: `unknown` until it has issued a token to check. */
export type MarkStatus = MarkVerdict | 'unknown'

/** Settings of the checks. */
export interface MarkCheckOptions {
  readonly marks: CredentialMarks
  readonly isIamUnmarked: boolean
  /** Milliseconds between checks. */
  readonly everyMs: number
  /** Milliseconds from a failure to the next attempt; doubles with each, up to `everyMs`. Default 2,000. */
  readonly retryMs?: number
  readonly log: Log
}

const RETRY_MS = 2_000
/** A side may still be starting, so only the third failed attempt is logged. */
const WORTH_SAYING = 3

/**
 * Obtains a token from each side, at startup and periodically, and checks it against the marks that identify the
 * credentials of that side: a prefix changed on one side only would route them to the wrong one. Nothing waits for it.
 */
export class MarkCheck {
  readonly #sides = new Map<Destination, SideCheck>()

  constructor(probes: Readonly<Partial<Record<Destination, Probe | undefined>>>, options: MarkCheckOptions) {
    for (const side of ['legacy', 'iam'] as const) {
      const probe = probes[side]
      if (probe !== undefined) this.#sides.set(side, new SideCheck(side, probe, options))
    }
  }

  start(): void {
    for (const check of this.#sides.values()) check.run()
  }

  /** The latest result for each side that is checked. */
  get status(): Readonly<Partial<Record<Destination, MarkStatus>>> {
    return Object.fromEntries([...this.#sides].map(([side, check]) => [side, check.status]))
  }

  /** Stops checking; resolves when the check in progress has revoked its token. */
  async close(): Promise<void> {
    await Promise.all([...this.#sides.values()].map((check) => check.close()))
  }
}

class SideCheck {
  readonly #side: Destination
  readonly #probe: Probe
  readonly #options: MarkCheckOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  readonly #closing = new AbortController()
  #failures = 0
  status: MarkStatus = 'unknown'

  constructor(side: Destination, probe: Probe, options: MarkCheckOptions) {
    this.#side = side
    this.#probe = probe
    this.#options = options
  }

  run(): void {
    this.#running = this.#check().then((delay) => {
      if (!this.#closing.signal.aborted) this.#timer = setTimeout(() => this.run(), delay).unref()
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#timer)
    await this.#running
  }

  /** Returns the delay until the next check, in milliseconds. */
  async #check(): Promise<number> {
    const outcome = await obtainToken(this.#probe, this.#closing.signal)
    if (outcome.kind !== 'issued') return this.#closing.signal.aborted ? 0 : this.#failed(outcome)
    this.#failures = 0
    this.#judge(outcome.accessToken)
    const why = await revokeToken(this.#probe, outcome.accessToken)
    if (why !== undefined) {
      this.#options.log.warn({ upstream: this.#side, cause: why }, 'the token of the mark check could not be revoked')
    }
    return this.#options.everyMs
  }

  #judge(accessToken: string): void {
    const { marks, isIamUnmarked, log } = this.#options
    const before = this.status
    this.status = judgeMark(this.#side, accessToken, marks, isIamUnmarked)
    const fields = { upstream: this.#side, credential_type: 'access_token' }
    if (this.status === 'drifts') {
      log.error(fields, 'the marks of a fresh credential do not tell its issuer; requests with it may go astray')
    } else if (before !== 'agrees') log.info(fields, 'the marks of a fresh credential tell its issuer')
  }

  /** The previous result is kept: credentials have been issued under it. */
  #failed({ kind, why }: Exclude<ProbeOutcome, { kind: 'issued' }>): number {
    const { everyMs, retryMs = RETRY_MS, log } = this.#options
    this.#failures++
    if (this.#failures === WORTH_SAYING) {
      log.warn({ upstream: this.#side, outcome: kind, cause: why }, 'the marks of a side cannot be checked')
    }
    return Math.min(everyMs, retryMs * 2 ** Math.min(this.#failures - 1, 20))
  }
}
