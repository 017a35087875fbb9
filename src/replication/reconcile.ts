import type { Database } from '../storage/index.ts'
import { type OutboxEvent, writeEvents } from './outbox.ts'
import type { ApplicationSource, HeldApplication, RemovedApplication, ReplicationTarget } from './ports.ts'
import type { DeliveryProgress, DeliveryRecord, KnownDelivery } from './progress.ts'

/** The steps that bring a target in line with the source. */
export interface RepairPlan {
  /** Ids recorded as delivered that the target lacks, or has in an older version. */
  readonly resend: readonly number[]
  /** Present at the target but unknown to the outbox. */
  readonly confirm: readonly DeliveryRecord[]
  /** Present at the target, gone from the source. */
  readonly remove: readonly RemovedApplication[]
  /** Documents that the target has in a newer version than the source; the source's version is raised above it. */
  readonly ahead: readonly HeldApplication[]
}

/** Compares what a target has with the outbox, which must have been aligned with the source after `held` was read. */
export function planRepairs(held: readonly HeldApplication[], known: readonly KnownDelivery[]): RepairPlan {
  const heldById = new Map(held.map((application) => [application.id, application]))
  const live = new Map(known.filter((row) => row.event === 'upsert').map((row) => [row.id, row]))
  const resend: number[] = []
  const confirm: DeliveryRecord[] = []
  const ahead: HeldApplication[] = []
  for (const row of live.values()) {
    const there = heldById.get(row.id)
    const isThere = there !== undefined && there.clientId === row.clientId && there.version >= row.version
    if (!isThere) {
      if (row.deliveredVersion !== null) resend.push(row.id)
      continue
    }
    if (there.version > row.version) {
      ahead.push(there)
      continue
    }
    const reportedVersion = there.reportedVersion ?? null
    if ((row.deliveredVersion ?? 0) < row.version || row.reportedVersion !== reportedVersion) {
      confirm.push({ id: row.id, version: row.version, reportedVersion, error: null, wait: 'none' })
    }
  }
  const remove = held
    .filter((application) => live.get(application.id)?.clientId !== application.clientId)
    .map(({ id, clientId, version }) => ({ id, clientId, version: version + 1 }))
  return { resend, confirm, remove, ahead }
}

/**
 * Whether this many removals suggest a source that lost its data, or a different source, rather than deleted
 * applications: all of them, or more than one and more than a quarter.
 */
export function isSuspiciousRemoval(removals: number, held: number): boolean {
  return removals > 0 && (removals >= held || (removals > 1 && removals > held / 4))
}

/** The findings and actions of a reconciliation. */
export interface ReconcileResult {
  readonly held: number
  readonly resent: number
  readonly removed: number
  /** Documents with a version raised above the target's. */
  readonly raised: number
  /** Removals and raised versions that were withheld because their number is suspicious. */
  readonly withheld: number
}

/**
 * Lists what a target has, repairs what is missing or old, and removes what is gone. Rejects when the target cannot be
 * read.
 */
export async function reconcile(options: {
  readonly database: Database
  readonly schema: string
  readonly source: ApplicationSource
  readonly target: ReplicationTarget
  readonly progress: DeliveryProgress
  /** Called for each application removed from the target. */
  readonly onRemoved: (application: RemovedApplication) => void
}): Promise<ReconcileResult> {
  const { database, schema, source, target, progress } = options
  // The target is listed before the source: what it has that is not in the later list has really been deleted.
  const held = await target.list()
  const unbelieved = await alignOutbox(database, schema, source, progress)
  const plan = planRepairs(held, await progress.known())
  await progress.forget(plan.resend)
  await progress.record(plan.confirm)
  const isTooMany = isSuspiciousRemoval(plan.remove.length, held.length)
  let removed = 0
  for (const application of isTooMany ? [] : plan.remove) {
    const outcome = await target.remove(application)
    if (outcome.kind !== 'delivered') {
      const reason = 'reason' in outcome ? outcome.reason : outcome.kind
      throw new Error(`${target.name} did not remove application ${application.id}: ${reason}`)
    }
    removed++
    options.onRemoved(application)
  }
  const isOther = plan.ahead.length > MOST_RAISED && plan.ahead.length > held.length / 4
  for (const { clientId, version } of isOther ? [] : plan.ahead) await source.raise(clientId, version)
  const withheld = unbelieved + (isTooMany ? plan.remove.length : 0) + (isOther ? plan.ahead.length : 0)
  const raised = isOther ? 0 : plan.ahead.length
  return { held: held.length, resent: plan.resend.length, removed, raised, withheld }
}

const CHUNK = 1_000
/** More newer versions than this, and than a quarter of all, suggest a different source. */
const MOST_RAISED = 10

/**
 * Repairs changes that bypassed the outbox, such as a bulk update or a restored backup. Returns the number of removals
 * that it withheld because their number is suspicious; once recorded, they would be delivered.
 */
async function alignOutbox(
  database: Database,
  schema: string,
  source: ApplicationSource,
  progress: DeliveryProgress,
): Promise<number> {
  const before = await progress.known()
  const applications = await source.list()
  const present = new Set(applications.map((application) => application.id))
  const versions = new Map(before.map((row) => [row.id, row.version]))
  const events: OutboxEvent[] = applications
    .filter((application) => (versions.get(application.id) ?? 0) < application.version)
    .map(({ id, client_id, version }) => ({ id, clientId: client_id, event: 'upsert', version }))
  const live = before.filter((row) => row.event === 'upsert')
  const gone = live.filter((row) => !present.has(row.id))
  const isTooMany = isSuspiciousRemoval(gone.length, live.length)
  if (!isTooMany) for (const row of gone) events.push({ ...row, event: 'delete', version: row.version + 1 })
  for (let start = 0; start < events.length; start += CHUNK) {
    await writeEvents(schema, database, events.slice(start, start + CHUNK))
  }
  return isTooMany ? gone.length : 0
}
