import type { Application } from '../applications/index.ts'
import type { Database } from '../storage/index.ts'
import type { DeliveryQueue } from './delivery-queue.ts'
import type { PendingDelivery } from './due-feeds.ts'
import type { ApplicationSource, DeliveryOutcome, OutgoingApplication, ReplicationTarget } from './ports.ts'
import type { DeliveryProgress, DeliveryRecord } from './progress.ts'
import { BatchSize, sendAll } from './send-all.ts'

/** The result of one run of deliveries to one target. */
export interface DeliveryResult {
  readonly delivered: number
  /** Documents that the target rejected or failed on; each waits separately before its next attempt. */
  readonly rejected: number
  /** Why the run ended early; undefined when nothing due remains. */
  readonly stopped: string | undefined
  /** When skipped documents are due again, in milliseconds; undefined when nothing waits or the run ended early. */
  readonly againInMs?: number | undefined
}

/** What a run depends on. */
export interface DeliveryOptions {
  readonly progress: DeliveryProgress
  readonly queue: DeliveryQueue
  readonly target: ReplicationTarget
  readonly source: ApplicationSource
  /** Called for each document that the target has in a newer version, or remembers as removed. */
  readonly onStale: (pending: PendingDelivery, heldVersion: number, isRemoved: boolean) => void
  /** Called for each document that was not delivered, with the reason. */
  readonly onRejected: (pending: PendingDelivery, reason: string) => void
  /** Called after each batch with the numbers of its documents. */
  readonly onBatch: (delivered: number, rejected: number) => void
  /** Whether unconfirmed changes wait, because the reported target receives them first and fast. */
  readonly isWaiting: () => boolean
  /** Whether to stop between two batches. */
  readonly isStopping: () => boolean
}

/** How soon another process takes over when this one dies during a run. Overlap is harmless but wasteful. */
const LEASE_SECONDS = 15
/** The reason a run ends when another process is delivering. */
export const BUSY_ELSEWHERE = 'another process delivers'

/**
 * Delivers everything that is due to one target, in batches, under the target's lease; each batch is recorded before
 * the next begins. A document that the target rejects or fails on is skipped and waits; a target that is unreachable,
 * or fails on every document, ends the run. A document is in a batch once, with its newest version, so its changes
 * never overtake one another.
 */
export async function deliverPending(options: DeliveryOptions): Promise<DeliveryResult> {
  const { progress, queue } = options
  const size = new BatchSize()
  let [delivered, rejected] = [0, 0]
  if (!(await progress.lease(LEASE_SECONDS))) return { delivered, rejected, stopped: BUSY_ELSEWHERE }
  await queue.begin()
  for (;;) {
    if (options.isStopping()) return { delivered, rejected, stopped: 'stopping' }
    if (!(await progress.lease(LEASE_SECONDS))) return { delivered, rejected, stopped: BUSY_ELSEWHERE }
    const { due, done } = await queue.next(size.current, options.isWaiting())
    if (due.length === 0) {
      const againInMs = await progress.nextDueInMs()
      await progress.release()
      return { delivered, rejected, stopped: undefined, againInMs }
    }
    const { deliveries, unreachable } = await deliverBatch(due, size, options)
    const records = deliveries.map(({ pending, version, outcome }) => toRecord(pending, version, outcome))
    await progress.record(records)
    const good = deliveries.filter(({ outcome }) => outcome.kind === 'delivered').length
    const bad = deliveries.filter(
      ({ outcome }) => outcome.kind !== 'delivered' && outcome.kind !== 'unreachable',
    ).length
    delivered += good
    rejected += bad
    for (const { pending, outcome } of deliveries) reportRefusal(pending, outcome, options)
    options.onBatch(good, bad)
    if (unreachable !== undefined) return { delivered, rejected, stopped: unreachable }
    done()
  }
}

interface Delivery {
  readonly pending: PendingDelivery
  /** The version that was delivered. */
  readonly version: number
  readonly outcome: DeliveryOutcome
}

async function deliverBatch(
  due: readonly PendingDelivery[],
  size: BatchSize,
  options: DeliveryOptions,
): Promise<{ readonly deliveries: Delivery[]; readonly unreachable: string | undefined }> {
  const { source, target } = options
  const upserts = due.filter(({ event }) => event === 'upsert')
  const documents = await source.find(upserts.map(({ clientId }) => clientId))
  const deliveries: Delivery[] = []
  const outgoing = new Map<OutgoingApplication, PendingDelivery>()
  for (const pending of upserts) {
    const found = documents.get(pending.clientId) ?? 'gone from the source'
    if (typeof found === 'string') {
      deliveries.push({ pending, version: pending.version, outcome: { kind: 'rejected', reason: found } })
    } else outgoing.set({ application: found, confirmedVersion: pending.confirmedVersion }, pending)
  }
  const removals = due.filter(({ event }) => event === 'delete')
  const sent = await sendAll(target, [...outgoing.keys()], removals, size)
  for (const [document, outcome] of sent.documents) {
    const pending = outgoing.get(document)
    if (pending) deliveries.push(await settled(pending, document.application, outcome, options))
  }
  for (const [removal, outcome] of sent.removals) {
    const pending = removals.find((one) => one === removal)
    if (pending) deliveries.push({ pending, version: pending.version, outcome })
  }
  return { deliveries, unreachable: sent.unreachable }
}

/** A document that the target calls stale may have been superseded by a newer delivery of our own, which counts. */
async function settled(
  pending: PendingDelivery,
  { version }: Application,
  outcome: DeliveryOutcome,
  { source, onStale }: DeliveryOptions,
): Promise<Delivery> {
  if (outcome.kind !== 'stale') return { pending, version, outcome }
  const now = (await source.find([pending.clientId])).get(pending.clientId)
  const current = typeof now === 'object' ? now.version : 0
  if (current >= outcome.heldVersion && !outcome.isRemoved) return { pending, version, outcome: { kind: 'delivered' } }
  onStale(pending, outcome.heldVersion, outcome.isRemoved)
  if (outcome.isRemoved) await source.raise(pending.clientId, outcome.heldVersion)
  return { pending, version, outcome }
}

function reportRefusal(pending: PendingDelivery, outcome: DeliveryOutcome, { onRejected }: DeliveryOptions): void {
  if (outcome.kind === 'rejected' || outcome.kind === 'failed') onRejected(pending, outcome.reason)
}

/**
 * A target may fail on a document because of a temporary fault, but does not accept a rejected one without a change.
 */
const WAITS = { unreachable: 'none', failed: 'short', rejected: 'long' } as const

function toRecord(pending: PendingDelivery, version: number, outcome: DeliveryOutcome): DeliveryRecord {
  if (outcome.kind === 'delivered') {
    return { id: pending.id, version, reportedVersion: pending.confirmedVersion, error: null, wait: 'none' }
  }
  // A removed document has a newer version by now, which is due immediately; a reconciliation handles a newer one.
  const wait = outcome.kind === 'stale' ? (outcome.isRemoved ? 'none' : 'long') : WAITS[outcome.kind]
  const reason = outcome.kind === 'stale' ? `holds version ${outcome.heldVersion}` : outcome.reason
  return { id: pending.id, version: null, reportedVersion: null, error: reason.slice(0, 500), wait }
}

/** The number of outbox rows that at least one target lacks. */
export async function pendingDeliveries(progresses: readonly DeliveryProgress[]): Promise<number> {
  let sum = 0
  for (const progress of progresses) sum += await progress.pending()
  return sum
}

/** Deletes tombstones after a week, which is about two thousand reconciliations. */
export async function pruneTombstones(database: Database, schema: string): Promise<void> {
  await database.query(`delete from ${schema}.outbox where event = 'delete' and changed_at < now() - interval '7 days'`)
}
