import { Gauge, type Registry } from 'prom-client'
import type { Log } from '../../observability/index.ts'
import type { AuditPlace } from './audit-log.ts'
import type { ChainHead } from './entry.ts'
import { type Verification, verifyChain } from './verification.ts'

const HOUR_MS = 3_600_000

/**
 * Verifies the whole audit log at startup and once an hour. It remembers the last valid entry and logs its number and
 * hash, so that a truncated or rewritten log is detected, also by an operator who keeps the log lines. Reports a fault
 * as an error in the log and as a metric.
 */
export class AuditWatch {
  readonly #place: AuditPlace
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #remembered: ChainHead | undefined
  #isBroken = false
  #isClosed = false
  #verifiedAt: number | undefined
  #last: Verification | undefined

  constructor(place: AuditPlace, log: Log, registry: Registry, everyMs = HOUR_MS) {
    this.#place = place
    this.#log = log
    const registers = [registry]
    const [isBroken, verifiedAt] = [() => this.#isBroken, () => this.#verifiedAt]
    new Gauge({
      name: 'handover_control_audit_log_broken',
      help: '1 when an entry of the audit log was found gone or altered.',
      registers,
      collect() {
        this.set(isBroken() ? 1 : 0)
      },
    })
    new Gauge({
      name: 'handover_control_audit_log_verified_timestamp_seconds',
      help: 'When the audit log was last gone through, whatever came of it; 0 when never.',
      registers,
      collect() {
        this.set((verifiedAt() ?? 0) / 1_000)
      },
    })
    this.#timer = setInterval(() => void this.verify(), everyMs).unref()
    void this.verify()
  }

  /** What the last verification found, and when, in milliseconds since 1970; undefined before the first has ended. */
  get last(): { readonly at: number; readonly found: Verification } | undefined {
    return this.#last === undefined || this.#verifiedAt === undefined
      ? undefined
      : { at: this.#verifiedAt, found: this.#last }
  }

  /** Verifies the log now. Never rejects: an unavailable store proves nothing about the log. */
  async verify(): Promise<void> {
    try {
      this.#last = await verifyChain(this.#place, this.#remembered)
      const { valid, head, broken } = this.#last
      this.#verifiedAt = Date.now()
      this.#isBroken = !valid
      // The remembered entry is kept while a fault persists, or the next check would accept the forgery.
      if (valid) {
        this.#remembered = head
        this.#log.info({ ...head }, 'the audit log is intact up to this entry')
      } else
        this.#log.error({ number: broken?.number, why: broken?.why, sound: head.number }, 'the audit log is broken')
    } catch (error) {
      if (this.#isClosed) return
      this.#log.warn({ cause: (error as Error).message }, 'the audit log could not be verified')
    }
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
  }
}
