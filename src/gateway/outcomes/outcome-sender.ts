import { Agent, request } from 'undici'
import type { Log } from '../../observability/index.ts'
import { OUTCOME_BATCH_PATH, type OutcomeBatch, type OutcomeReceipt, writeBatch } from '../../outcomes/index.ts'
import type { OutcomeBuffer, ReadyBatch } from './outcome-buffer.ts'

const EVERY_MS = 500
/** An idle gateway reports this often that there is nothing, so that starts can be judged. */
const IDLE_MS = 2_000
const LIMIT_MS = 5_000
const LONGEST_PAUSE_MS = 5_000
/** A control plane without this endpoint is asked again after this time. */
const UNKNOWN_PAUSE_MS = 60_000

/** Where outcomes go. */
export interface OutcomeTarget {
  readonly url: string
  readonly otherUrls?: readonly string[] | undefined
  readonly token: string
  readonly environment: string
  /** Identifies this process. */
  readonly instance: string
}

/** The clock of a sender; tests advance their own. */
export interface SenderClock {
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number
  /** Calls `run` once after a time; returns a function that prevents it. */
  readonly after: (inMs: number, run: () => void) => () => void
}

const SYSTEM_CLOCK: SenderClock = {
  now: () => performance.now(),
  after: (inMs, run) => {
    const timer = setTimeout(run, inMs)
    return () => clearTimeout(timer)
  },
}

/**
 * Sends observations to the control plane, at most every 500 ms and one batch at a time, and again until they are
 * stored there. Nothing waits for it.
 */
export class OutcomeSender {
  readonly #target: OutcomeTarget
  readonly #buffer: OutcomeBuffer
  readonly #log: Log
  readonly #urls: readonly string[]
  readonly #agent = new Agent({ connect: { timeout: 2_000 }, connections: 1 })
  readonly #stop = new AbortController()
  readonly #clock: SenderClock
  #cancel: (() => void) | undefined
  #sending: Promise<void> | undefined
  #from = 1
  #sentAt = Number.NEGATIVE_INFINITY
  #failures = 0

  constructor(target: OutcomeTarget, buffer: OutcomeBuffer, log: Log, clock: SenderClock = SYSTEM_CLOCK) {
    this.#clock = clock
    this.#target = target
    this.#buffer = buffer
    this.#log = log
    this.#urls = [target.url, ...(target.otherUrls ?? [])].map((url) => url.replace(/\/+$/, ''))
    this.#schedule(EVERY_MS)
  }

  /** Sends what is left, within the time limit of one request, and stops. */
  async close(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    await this.#sending
    if (this.#failures === 0 && this.#buffer.next > this.#from) await this.#send().catch(() => {})
    this.#stop.abort()
    await this.#agent.destroy()
  }

  #schedule(inMs: number): void {
    if (this.#stop.signal.aborted) return
    this.#cancel = this.#clock.after(inMs, () => {
      this.#sending = this.#turn().then((nextMs) => {
        this.#sending = undefined
        if (this.#cancel !== undefined) this.#schedule(nextMs)
      })
    })
  }

  /** Sends what is due. Resolves with the time until the next turn; never rejects. */
  async #turn(): Promise<number> {
    this.#buffer.trim(this.#clock.now())
    const isIdle = this.#buffer.oldest >= this.#buffer.next
    if (isIdle && this.#clock.now() - this.#sentAt < IDLE_MS) return EVERY_MS
    try {
      const isComplete = await this.#send()
      if (this.#failures > 0) this.#log.info('outcomes reach the control plane again')
      this.#failures = 0
      return isComplete ? EVERY_MS : 0
    } catch (error) {
      if (this.#failures++ === 0) this.#log.warn({ cause: causeOf(error) }, 'outcomes do not reach the control plane')
      if ((error as { status?: number }).status === 404) return UNKNOWN_PAUSE_MS
      return Math.min(LONGEST_PAUSE_MS, EVERY_MS * 2 ** Math.min(this.#failures, 10))
    }
  }

  /** Returns whether nothing more is waiting. Rejects if the control plane did not take the batch. */
  async #send(): Promise<boolean> {
    const sentAt = this.#clock.now()
    this.#sentAt = sentAt
    const batch = this.#buffer.ready(this.#from, sentAt)
    const receipt = await this.#post(batch, performance.timeOrigin + sentAt)
    this.#buffer.stored(receipt.stored)
    this.#from = receipt.next
    return batch.isComplete && receipt.next >= batch.first + batch.count
  }

  async #post({ first, oldest, lines, isComplete }: ReadyBatch, sentAt: number): Promise<OutcomeReceipt> {
    const { instance, environment, token } = this.#target
    const head: Omit<OutcomeBatch, 'lines'> = { instance, environment, first, oldest, sentAt, isComplete }
    const url = this.#urls[this.#failures % this.#urls.length] ?? this.#target.url
    const { statusCode, body } = await request(url + OUTCOME_BATCH_PATH, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: writeBatch(head, lines),
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LIMIT_MS)]),
    })
    if (statusCode !== 200) {
      await body.dump()
      throw Object.assign(new Error(`status ${statusCode}`), { status: statusCode })
    }
    return readReceipt(await body.json())
  }
}

function readReceipt(document: unknown): OutcomeReceipt {
  const { next, stored } = (document ?? {}) as Partial<OutcomeReceipt>
  if (!Number.isSafeInteger(next) || !Number.isSafeInteger(stored)) throw new Error('the receipt is not readable')
  return { next: next as number, stored: stored as number }
}

function causeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message
}
