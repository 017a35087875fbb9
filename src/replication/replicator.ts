import type { Log } from '../observability/index.ts'
import type { Database } from '../storage/index.ts'
import { deliverPending, pendingDeliveries, pruneTombstones } from './deliver.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import { DeliveryReport, type ReplicationProgress } from './delivery-report.ts'
import { needsWarning } from './failure-warning.ts'
import { outboxChannel } from './outbox.ts'
import type { ApplicationSource, RemovedApplication, ReplicationTarget } from './ports.ts'
import { type DeliveryProgress, deliveryProgress } from './progress.ts'
import { reconcile } from './reconcile.ts'

/** What a replicator depends on. */
export interface ReplicatorOptions {
  readonly database: Database
  /** The schema of the outbox. */
  readonly schema: string
  readonly source: ApplicationSource
  readonly targets: readonly ReplicationTarget[]
  readonly log: Log
  /** Time between reconciliations. Default five minutes. */
  readonly reconcileEveryMs?: number
  /** The first and the longest delay after a target was unreachable. Default 500 ms and 30 s. */
  readonly retryMs?: readonly [first: number, longest: number]
  /** Called with the progress towards each target: after each batch and each comparison. */
  readonly onProgress?: (progress: ReplicationProgress) => void
}

/** Replicates applications to every target while it runs. */
export interface Replicator {
  /** Resolves to true once every target has everything, and to false after the timeout. */
  whenDelivered(timeoutMs: number): Promise<boolean>
  /** Reconciles every target now, then delivers; for operators and tests. */
  reconcileNow(): Promise<void>
  /** Stops after the deliveries in progress, which takes at most their time limit. */
  stop(): Promise<void>
}

const RECONCILE_EVERY_MS = 300_000
const RETRY_MS = [500, 30_000] as const
const MOST_NAMED = 5
/** How soon a loop looks again after it has waited for the confirmations of another. */
const WAITED_MS = 1_000

/**
 * Starts one loop for each target: it reconciles at startup and every few minutes, and delivers as soon as a change is
 * committed. Callers that make a change never wait for it, and a target that is down delays only itself.
 */
export async function startReplicator(options: ReplicatorOptions): Promise<Replicator> {
  const { database, schema, targets } = options
  const loops = targets.map((target) => new TargetLoop(options, target))
  for (const loop of loops) {
    // A confirmation by one target must be reported to the targets that report it.
    loop.onDelivered = (name) => {
      for (const other of loops) if (other.target.reports === name) other.wake()
    }
    loop.reported = loops.find(({ target }) => target.name === loop.target.reports)
  }
  const wakeAll = () => {
    for (const loop of loops) loop.wake()
  }
  const stopListening = await database.listen(outboxChannel(schema), wakeAll)
  for (const loop of loops) loop.start()
  const progresses = loops.map((loop) => loop.progress)
  return {
    whenDelivered: (timeoutMs) => waitUntilDelivered(progresses, loops, timeoutMs),
    async reconcileNow() {
      for (const loop of loops) await loop.reconcileNow()
    },
    async stop() {
      await stopListening()
      await Promise.all(loops.map((loop) => loop.stop()))
    },
  }
}

const DRAINED_POLL_MS = 50

async function waitUntilDelivered(
  progresses: readonly DeliveryProgress[],
  loops: readonly TargetLoop[],
  timeoutMs: number,
): Promise<boolean> {
  const until = performance.now() + timeoutMs
  for (;;) {
    if (loops.every((loop) => loop.hasReconciled && !loop.isDelivering) && (await pendingDeliveries(progresses)) === 0)
      return true
    if (performance.now() >= until) return false
    await new Promise((resolve) => setTimeout(resolve, Math.min(DRAINED_POLL_MS, until - performance.now())))
  }
}

class TargetLoop {
  readonly target: ReplicationTarget
  readonly progress: DeliveryProgress
  /** Whether the target has been listed since the start. */
  hasReconciled = false
  onDelivered: (target: string) => void = () => {}
  /** The loop of the target that is reported to this one. */
  reported: TargetLoop | undefined
  readonly #queue: DeliveryQueue
  readonly #report: DeliveryReport
  readonly #options: ReplicatorOptions
  #stopping = false
  #woken = false
  #alarm: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #turn: Promise<unknown> = Promise.resolve()
  #nextReconciliation = 0
  #failures = 0
  #startedAt = performance.now()
  /** Whether the present outage has been logged as a warning. */
  #hasWarned = false
  #againInMs: number | undefined

  constructor(options: ReplicatorOptions, target: ReplicationTarget) {
    this.target = target
    this.#options = options
    // Without the target that is reported, nothing is ever confirmed.
    const reports = options.targets.some(({ name }) => name === target.reports) ? target.reports : undefined
    this.progress = deliveryProgress(options.database, options.schema, target.name, reports)
    this.#queue = new DeliveryQueue(this.progress, reports !== undefined)
    this.#report = new DeliveryReport(target.name, options.log, options.onProgress)
  }

  get isDelivering(): boolean {
    return this.#report.isRunning
  }

  /** Whether it delivers so fast that what it confirms is worth waiting for. */
  get isCatchingUp(): boolean {
    return this.#report.isRunning && this.#report.isFast
  }

  start(): void {
    this.#startedAt = performance.now()
    this.#running = this.#run()
  }

  wake(): void {
    this.#woken = true
    this.#alarm?.()
  }

  async reconcileNow(): Promise<void> {
    await this.#inTurn(() => this.#reconcile())
    this.wake()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#alarm?.()
    await this.#running
    await this.progress.release().catch(() => {}) // A lease that is not released expires.
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#woken = false
      // A failed reconciliation does not prevent deliveries from being attempted.
      const failed = [
        performance.now() >= this.#nextReconciliation ? await this.#attempt(() => this.#reconcile()) : undefined,
        await this.#attempt(() => this.#deliver()),
      ]
      this.#conclude(failed.find((reason) => reason !== undefined))
      await this.#sleep()
    }
  }

  /** A comparison concurrent with a delivery would record what the delivery has superseded. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const run = this.#turn.then(work, work)
    this.#turn = run.catch(() => {})
    return run
  }

  async #attempt(work: () => Promise<string | undefined>): Promise<string | undefined> {
    try {
      return await this.#inTurn(work)
    } catch (error) {
      return error instanceof Error ? error.message : 'failed'
    }
  }

  async #reconcile(): Promise<undefined> {
    const { database, schema, source, log, reconcileEveryMs = RECONCILE_EVERY_MS } = this.#options
    const { target, progress } = this
    const about = { layer: 'reconcile', target: target.name }
    const onRemoved = ({ id, clientId, version }: RemovedApplication) =>
      log.warn(
        { ...about, id, client_id: clientId, version },
        'replication: removed an application that the source no longer has',
      )
    const isStopping = () => this.#stopping
    const result = await reconcile({ database, schema, source, target, progress, onRemoved, isStopping })
    this.#nextReconciliation = performance.now() + reconcileEveryMs
    this.hasReconciled = true
    this.#queue.rewind()
    await pruneTombstones(database, schema)
    const line = { ...about, ...result }
    if (result.withheld > 0) log.error(line, 'replication: too many differences at once; none was repaired')
    else if (result.raised > 0) log.warn(line, 'replication: the target held newer versions than the source')
    else log.info(line, 'replication: reconciled')
    const tooLarge = await progress.tooLarge(MOST_NAMED)
    if (tooLarge.length > 0) {
      log.error(
        { ...about, ids: tooLarge },
        'replication: ids above 2^53 - 1 are not replicated, because JSON changes them',
      )
    }
    this.#report.reconciled()
  }

  async #deliver(): Promise<string | undefined> {
    const report = this.#report
    report.begin(this.#queue.isRewound ? await this.progress.neverDelivered() : undefined)
    let hasWaited = false
    try {
      const result = await deliverPending({
        progress: this.progress,
        queue: this.#queue,
        target: this.target,
        source: this.#options.source,
        isStopping: () => this.#stopping,
        isWaiting: () => {
          const isWaiting = this.reported?.isCatchingUp ?? false
          hasWaited ||= isWaiting
          return isWaiting
        },
        onBatch: (delivered, rejected) => {
          report.batch(delivered, rejected)
          if (delivered > 0) this.onDelivered(this.target.name)
        },
        onRejected: ({ id, clientId }, reason) => report.rejected({ id, client_id: clientId, reason }),
        onStale: ({ id, clientId }, held_version, is_removed) =>
          this.#options.log.error(
            { layer: 'delivery', target: this.target.name, id, client_id: clientId, held_version, is_removed },
            'replication: not stored, the target holds a newer version',
          ),
      })
      this.#againInMs = hasWaited ? WAITED_MS : result.againInMs
      return result.stopped
    } catch (error) {
      // Rows of the batch may not have been recorded.
      this.#queue.rewind()
      throw error
    } finally {
      report.end()
    }
  }

  #conclude(reason: string | undefined): void {
    if (reason === undefined || this.#stopping) {
      this.#failures = 0
      this.#hasWarned = false
      return
    }
    this.#failures++
    const line = { layer: 'delivery', target: this.target.name, failures: this.#failures, reason }
    if (!this.#hasWarned && needsWarning(reason, performance.now() - this.#startedAt)) {
      this.#hasWarned = true
      this.#options.log.warn(line, 'replication: not delivered, will retry')
    } else this.#options.log.debug(line, 'replication: still not delivered')
  }

  #sleep(): Promise<void> {
    const { retryMs: [first, longest] = RETRY_MS } = this.#options
    // While the target is down, a wake-up must not cause a storm of attempts; when idle, the loop still runs
    // periodically.
    const idle = Math.max(first, this.#againInMs ?? longest)
    const wait = Math.min(longest, this.#failures > 0 ? first * 2 ** (this.#failures - 1) : idle)
    if (this.#stopping || (this.#woken && this.#failures === 0)) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        if (!this.#stopping && this.#failures > 0 && performance.now() < notBefore) return
        clearTimeout(timer)
        this.#alarm = undefined
        resolve()
      }
      const notBefore = performance.now() + wait
      const timer = setTimeout(() => {
        this.#alarm = undefined
        resolve()
      }, wait)
      timer.unref()
      this.#alarm = done
    })
  }
}
