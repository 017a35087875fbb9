import type { Log } from '../../observability/index.ts'
import type { ExchangeRecord } from '../telemetry/exchange-record.ts'
import { KeyedHash } from './keyed-hash.ts'
import { flowEndedBy, observe, observedRequest } from './observe.ts'
import { OutcomeBuffer } from './outcome-buffer.ts'
import { OutcomeSender, type OutcomeTarget } from './outcome-sender.ts'

/** Each application is observed thoroughly once a second, and all together this often a second. */
const THOROUGH_A_SECOND = 300
const THOROUGH_EVERY_MS = 1_000

/** Whether the control plane can tell the application, by whom a token was issued to, or by the start of a sign-in. */
function isTraceable({ endpoint, redirect }: ExchangeRecord): boolean {
  return endpoint === 'userinfo' || (endpoint === 'authorize' && flowEndedBy(redirect) !== undefined)
}

/**
 * Whether an exchange continues a sign-in at IAM by its verifier, and ends it, if at all, in a redirect to the client,
 * which identifies the flow. A refusal on a page identifies none, but its request may name the client.
 */
function continuesFlow({ endpoint, facts, status }: ExchangeRecord): boolean {
  return endpoint === 'authorize' && facts?.hasGenuineVerifier === true && status >= 200 && status < 400
}

/** Observes exchanges of known applications and sends what it saw to the control plane, without any credential. */
export class OutcomeCollector {
  readonly #hash: KeyedHash
  readonly #buffer: OutcomeBuffer
  readonly #sender: OutcomeSender | undefined
  #thorough = new Set<number>()
  #thoroughSince = Number.NEGATIVE_INFINITY

  /**
   * @param key the same for all gateways, so that what one sees issued and another sees presented is one credential
   * @param target without it, nothing is sent
   */
  constructor(key: Uint8Array, target: OutcomeTarget | undefined, log: Log, buffer = new OutcomeBuffer()) {
    this.#hash = new KeyedHash(key)
    this.#buffer = buffer
    this.#sender = target && new OutcomeSender(target, buffer, log)
  }

  /**
   * Observes an exchange that has ended.
   *
   * @param applicationId undefined if the request does not identify it
   */
  record(record: ExchangeRecord, applicationId: number | undefined): void {
    if (record.facts === undefined) return
    const told = continuesFlow(record) ? undefined : applicationId
    if (told === undefined && !isTraceable(record)) return
    const request = observedRequest(record)
    if (request === undefined) return
    const ended = performance.now()
    const id = told ?? 0
    const now = performance.timeOrigin + ended
    const isThorough = this.#isThorough(id, ended)
    for (const seen of observe(record, request, { hash: this.#hash, applicationId: id, now, isThorough })) {
      this.#buffer.add(seen, ended)
    }
  }

  async close(): Promise<void> {
    await this.#sender?.close()
  }

  #isThorough(applicationId: number, now: number): boolean {
    if (now - this.#thoroughSince >= THOROUGH_EVERY_MS) {
      this.#thorough = new Set()
      this.#thoroughSince = now
    }
    if (this.#thorough.size >= THOROUGH_A_SECOND || this.#thorough.has(applicationId)) return false
    this.#thorough.add(applicationId)
    return true
  }
}
