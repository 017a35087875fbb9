import type { RangeDigest } from '../applications/index.ts'
import { MOST_BOUNDS } from '../handoff/index.ts'
import type { Database } from '../storage/index.ts'
import { isSuspiciousRemoval, planRepairs } from './comparison.ts'
import { type OutboxEvent, writeEvents } from './outbox.ts'
import type {
  ApplicationSource,
  HeldApplication,
  RangeReader,
  RemovedApplication,
  ReplicationTarget,
  SourceVersion,
} from './ports.ts'
import type { DeliveryProgress, KnownDelivery } from './progress.ts'

/** The findings and actions of a reconciliation. */
export interface ReconcileResult {
  readonly held: number
  /** The ranges of ids that were compared, and those that were fetched because their digests differed. */
  readonly ranges: number
  readonly fetched: number
  readonly resent: number
  readonly removed: number
  /** Documents with a version raised above the target's. */
  readonly raised: number
  /** Removals and raised versions that were withheld because their number is suspicious. */
  readonly withheld: number
}

/** What a reconciliation depends on. */
export interface ReconcileOptions {
  readonly database: Database
  readonly schema: string
  readonly source: ApplicationSource
  readonly target: ReplicationTarget
  readonly progress: DeliveryProgress
  /** Called for each application removed from the target. */
  readonly onRemoved: (application: RemovedApplication) => void
  /** Whether to stop between two ranges. */
  readonly isStopping?: () => boolean
}

/** How many applications of the source a range holds. */
const RANGE = 1_000
const PAGE = 1_000
/** More newer versions than this, and than a quarter of all, suggest a different source. */
const MOST_RAISED = 10

/**
 * Compares source, outbox and target by digests of ranges of ids, fetches the ranges that differ page by page, repairs
 * what is missing or old, and removes what is gone. Rejects when the target cannot be read.
 */
export async function reconcile(options: ReconcileOptions): Promise<ReconcileResult> {
  const { source, target } = options
  const held = target.held()
  const overview = await compareDigests(options, held, await source.bounds(RANGE))
  const findings = new Findings(overview)
  for (const range of overview.differing) {
    if (options.isStopping?.()) throw new Error('stopping')
    await repairRange(options, held, range, findings)
  }
  const result = await conclude(options, findings)
  return { ...result, ranges: overview.ranges, fetched: overview.differing.length, resent: findings.resent }
}

interface IdRange {
  readonly after: number
  readonly upTo: number
}

/** The result of comparing digests. */
interface Overview {
  readonly ranges: number
  readonly differing: readonly IdRange[]
  /** How many applications the target has; undefined for an older target, which cannot say. */
  readonly held: number | undefined
  /** How many exist according to the outbox. */
  readonly existing: number
}

/**
 * The target is asked before the outbox, and the outbox before the source, so that nothing that is created or removed in
 * the meantime passes for equal.
 */
async function compareDigests(
  { progress, source }: ReconcileOptions,
  target: RangeReader<HeldApplication>,
  bounds: readonly number[],
): Promise<Overview> {
  const differing: IdRange[] = []
  let [held, existing]: [number | undefined, number] = [0, 0]
  for (let from = 0; from < bounds.length - 1; from += MOST_BOUNDS - 1) {
    const some = bounds.slice(from, from + MOST_BOUNDS)
    const theirs: readonly RangeDigest[] | undefined = held === undefined ? undefined : await target.digests(some)
    const known = await progress.digests(some)
    const ours = await source.digests(some)
    existing += countOf(known.existing)
    held = theirs === undefined || held === undefined ? undefined : held + countOf(theirs)
    for (let at = 0; at < some.length - 1; at++) {
      const isEqual =
        areEqual(known.existing[at], ours?.[at]) && theirs !== undefined && areEqual(known.delivered[at], theirs[at])
      if (!isEqual) differing.push({ after: some[at] ?? 0, upTo: some[at + 1] ?? 0 })
    }
  }
  return { ranges: bounds.length - 1, differing, held, existing }
}

function countOf(digests: readonly RangeDigest[]): number {
  return digests.reduce((sum, { count }) => sum + count, 0)
}

function areEqual(one: RangeDigest | undefined, other: RangeDigest | undefined): boolean {
  return one !== undefined && one.count === other?.count && one.digest === other.digest
}

/** What is judged by its number at the end, because too much of it suggests a source that lost its data. */
class Findings {
  readonly gone = new Bounded<KnownDelivery>()
  readonly remove = new Bounded<RemovedApplication>()
  readonly ahead = new Bounded<HeldApplication>()
  resent = 0
  #fetched = 0
  readonly #overview: Overview

  constructor(overview: Overview) {
    this.#overview = overview
    // A suspicious number is not carried out, so no more needs to be remembered.
    this.gone.limit = overview.existing / 4 + 1
    this.remove.limit = (overview.held ?? Number.POSITIVE_INFINITY) / 4 + 1
    this.ahead.limit = Math.max(this.remove.limit, MOST_RAISED + 1)
  }

  get existing(): number {
    return this.#overview.existing
  }

  get held(): number {
    return this.#overview.held ?? this.#fetched
  }

  fetched(count: number): void {
    this.#fetched += count
  }
}

/** Counts everything and keeps the first items. */
class Bounded<Item> {
  limit = 0
  count = 0
  readonly items: Item[] = []

  add(items: readonly Item[]): void {
    this.count += items.length
    for (const item of items) if (this.items.length <= this.limit) this.items.push(item)
  }
}

/** Compares one range page by page. A page ends where the shortest of the three full pages ends. */
async function repairRange(
  options: ReconcileOptions,
  target: RangeReader<HeldApplication>,
  { after, upTo }: IdRange,
  findings: Findings,
): Promise<void> {
  for (let from = after; from < upTo; ) {
    const held = await target.page(from, upTo, PAGE)
    const known = await options.progress.known(from, upTo, PAGE)
    const ours = await options.source.page(from, upTo, PAGE)
    const ends = [held, known, ours].map((rows) => (rows.length < PAGE ? upTo : (rows.at(-1)?.id ?? upTo)))
    const end = Math.min(...ends)
    const within = <Row extends { readonly id: number }>(rows: readonly Row[]) => rows.filter(({ id }) => id <= end)
    await repairPage(options, { held: within(held), known: within(known), ours: within(ours) }, findings)
    from = end
  }
}

interface ComparedPage {
  readonly held: readonly HeldApplication[]
  readonly known: readonly KnownDelivery[]
  readonly ours: readonly SourceVersion[]
}

async function repairPage(
  { database, schema, progress }: ReconcileOptions,
  { held, known, ours }: ComparedPage,
  findings: Findings,
): Promise<void> {
  findings.fetched(held.length)
  const rows = new Map(known.map((row) => [row.id, row]))
  // Changes that bypassed the outbox, such as a bulk update or a restored backup.
  const missed = ours.filter(({ id, version }) => (rows.get(id)?.version ?? 0) < version)
  await writeEvents(
    schema,
    database,
    missed.map(({ id, client_id, version }) => ({ id, clientId: client_id, event: 'upsert', version })),
  )
  for (const { id, client_id, version } of missed) {
    const { deliveredVersion = null, reportedVersion = null } = rows.get(id) ?? {}
    rows.set(id, { id, clientId: client_id, event: 'upsert', version, deliveredVersion, reportedVersion })
  }
  const present = new Set(ours.map(({ id }) => id))
  findings.gone.add(known.filter(({ id, event }) => event === 'upsert' && !present.has(id)))
  const plan = planRepairs(held, [...rows.values()])
  await progress.forget(plan.resend)
  await progress.record(plan.confirm)
  findings.resent += plan.resend.length
  findings.remove.add(plan.remove)
  findings.ahead.add(plan.ahead)
}

/** Carries out what is not suspicious. */
async function conclude(
  { database, schema, source, target, onRemoved }: ReconcileOptions,
  { gone, remove, ahead, held, existing }: Findings,
): Promise<Pick<ReconcileResult, 'held' | 'removed' | 'raised' | 'withheld'>> {
  const isLost = isSuspiciousRemoval(gone.count, existing)
  // Once recorded, they are delivered like any removal.
  const events = isLost
    ? []
    : gone.items.map((row): OutboxEvent => ({ ...row, event: 'delete', version: row.version + 1 }))
  for (let start = 0; start < events.length; start += PAGE) {
    await writeEvents(schema, database, events.slice(start, start + PAGE))
  }
  const isTooMany = isSuspiciousRemoval(remove.count, held)
  const removals = isTooMany ? [] : remove.items
  for (const application of removals) {
    const outcome = await target.remove(application)
    if (outcome.kind !== 'delivered') {
      const reason = 'reason' in outcome ? outcome.reason : outcome.kind
      throw new Error(`${target.name} did not remove application ${application.id}: ${reason}`)
    }
    onRemoved(application)
  }
  const isOther = ahead.count > MOST_RAISED && ahead.count > held / 4
  const raised = isOther ? [] : ahead.items
  for (const { clientId, version } of raised) await source.raise(clientId, version)
  const withheld = (isLost ? gone.count : 0) + (isTooMany ? remove.count : 0) + (isOther ? ahead.count : 0)
  return { held, removed: removals.length, raised: raised.length, withheld }
}
