import type { Log } from '../observability/index.ts'

/** How far replication to one target is. */
export interface ReplicationProgress {
  readonly target: string
  /** The numbers of documents that were delivered and refused since the last call. */
  readonly delivered: number
  readonly rejected: number
  /** About how many applications the target has never received. */
  readonly left: number
  /** Whether a comparison with the target has just ended. */
  readonly isReconciled: boolean
}

/** How often a long run says in the log how far it is. */
const EVERY_MS = 10_000
/** How many refused documents of one run the log names; the others are counted. */
const MOST_NAMED = 20
/** A slower target is not worth waiting for. */
const FAST_PER_SECOND = 500
const FAST_UNTIL_MS = 1_000

/** Tells operators how far the deliveries to one target are: log lines, and the numbers for metrics. */
export class DeliveryReport {
  readonly #target: string
  readonly #log: Log
  readonly #onProgress: ((progress: ReplicationProgress) => void) | undefined
  #isRunning = false
  #startedAt = 0
  #toldAt = 0
  #toldCount = 0
  #delivered = 0
  #rejected = 0
  #named = 0
  #left = 0

  constructor(target: string, log: Log, onProgress: ((progress: ReplicationProgress) => void) | undefined) {
    this.#target = target
    this.#log = log
    this.#onProgress = onProgress
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Whether the current run has kept up a high rate so far. */
  get isFast(): boolean {
    const elapsed = performance.now() - this.#startedAt
    return elapsed < FAST_UNTIL_MS || this.#delivered / (elapsed / 1_000) > FAST_PER_SECOND
  }

  /** A run begins; `left` is about how many applications the target has never received, if that was counted again. */
  begin(left: number | undefined): void {
    this.#isRunning = true
    this.#startedAt = performance.now()
    this.#toldAt = this.#startedAt
    this.#toldCount = 0
    this.#delivered = 0
    this.#rejected = 0
    this.#named = 0
    this.#left = left ?? this.#left
    this.#tell({})
  }

  batch(delivered: number, rejected: number): void {
    this.#delivered += delivered
    this.#rejected += rejected
    this.#left = Math.max(0, this.#left - delivered)
    this.#tell({ delivered, rejected })
    const now = performance.now()
    if (now - this.#toldAt < EVERY_MS) return
    const per_second = Math.round((this.#delivered - this.#toldCount) / ((now - this.#toldAt) / 1_000))
    this.#log.info({ ...this.#line(), left: this.#left, per_second }, 'replication: delivering')
    this.#toldAt = now
    this.#toldCount = this.#delivered
  }

  /** A document was not delivered. */
  rejected(document: { readonly id: number; readonly client_id: string; readonly reason: string }): void {
    if (this.#named >= MOST_NAMED) return
    this.#named++
    const about = { layer: 'delivery', target: this.#target }
    this.#log.error({ ...about, ...document }, 'replication: an application was not delivered')
  }

  end(): void {
    this.#isRunning = false
    if (this.#rejected > 0) this.#log.warn(this.#line(), 'replication: documents were rejected')
    else if (this.#delivered > 0) this.#log.info(this.#line(), 'replication: delivered')
  }

  reconciled(): void {
    this.#tell({ isReconciled: true })
  }

  #line() {
    return { layer: 'delivery', target: this.#target, delivered: this.#delivered, rejected: this.#rejected }
  }

  #tell(news: Partial<ReplicationProgress>): void {
    this.#onProgress?.({
      ...{ target: this.#target, delivered: 0, rejected: 0, left: this.#left, isReconciled: false },
      ...news,
    })
  }
}
