import type { Database } from '../storage/index.ts'
import type { DeliveryOutcome, DocumentSource, ReplicationTarget } from './ports.ts'
import type { DeliveryProgress, DeliveryRecord, PendingDelivery } from './progress.ts'

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
export interface DeliveryOptions<Document extends { readonly version: number }> {
  readonly progress: DeliveryProgress
  readonly target: ReplicationTarget<Document>
  readonly source: DocumentSource<Document>
  /** Called for each document that the target has in a newer version, or remembers as removed. */
  readonly onStale: (pending: PendingDelivery, heldVersion: number, isRemoved: boolean) => void
  /** Whether to stop between two batches. */
  readonly isStopping: () => boolean
}

const BATCH = 64
const CONCURRENCY = 8
/**
 * A target that fails on this many documents in a row is considered broken, rather than failing on individual
 * documents.
 */
const FAILURES_IN_A_ROW = 20
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
export async function deliverPending<Document extends { readonly version: number }>(
  options: DeliveryOptions<Document>,
): Promise<DeliveryResult> {
  let delivered = 0
  let rejected = 0
  let failuresInARow = 0
  for (;;) {
    if (options.isStopping()) return { delivered, rejected, stopped: 'stopping' }
    if (!(await options.progress.lease(LEASE_SECONDS))) return { delivered, rejected, stopped: BUSY_ELSEWHERE }
    const batch = await options.progress.due(BATCH)
    if (batch.length === 0) {
      const againInMs = await options.progress.nextDueInMs()
      await options.progress.release()
      return { delivered, rejected, stopped: undefined, againInMs }
    }
    const records: DeliveryRecord[] = []
    let unreachable: string | undefined
    const queue = batch.values()
    const worker = async () => {
      for (const pending of queue) {
        const { version, outcome } = await deliver(pending, options)
        records.push(toRecord(pending, version, outcome))
        failuresInARow = outcome.kind === 'failed' ? failuresInARow + 1 : 0
        if (outcome.kind === 'delivered') delivered++
        else if (outcome.kind === 'unreachable') unreachable = outcome.reason
        else if (outcome.kind === 'failed' && failuresInARow >= FAILURES_IN_A_ROW) unreachable = outcome.reason
        else rejected++
        if (unreachable !== undefined) return
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, worker))
    await options.progress.record(records)
    if (unreachable !== undefined) return { delivered, rejected, stopped: unreachable }
  }
}

async function deliver<Document extends { readonly version: number }>(
  pending: PendingDelivery,
  { target, source, onStale }: DeliveryOptions<Document>,
): Promise<{ version: number; outcome: DeliveryOutcome }> {
  if (pending.event === 'delete') return { version: pending.version, outcome: await target.remove(pending) }
  const application = await source.find(pending.clientId)
  if (!application) return { version: 0, outcome: { kind: 'rejected', reason: 'gone from the source' } }
  const { version } = application
  const outcome = await target.put(application, pending.confirmedVersion)
  if (outcome.kind !== 'stale') return { version, outcome }
  // Superseded by a newer delivery of our own, which counts.
  const now = await source.find(pending.clientId)
  if ((now?.version ?? 0) >= outcome.heldVersion && !outcome.isRemoved)
    return { version, outcome: { kind: 'delivered' } }
  onStale(pending, outcome.heldVersion, outcome.isRemoved)
  if (outcome.isRemoved) await source.raise(pending.clientId, outcome.heldVersion)
  return { version, outcome }
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
