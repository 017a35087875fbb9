import type { HeldApplication, RemovedApplication } from './ports.ts'
import type { DeliveryRecord, KnownDelivery } from './progress.ts'

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
