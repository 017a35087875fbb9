import type { Application, RangeDigest } from '../applications/index.ts'

/** A target's report of one application. */
export interface HeldApplication {
  readonly id: number
  readonly clientId: string
  readonly version: number
  /** The confirmed version that was reported to this target; undefined for a target without such reports. */
  readonly reportedVersion?: number | null
}

/** A removed application. */
export interface RemovedApplication {
  readonly id: number
  readonly clientId: string
  /** Above every version the application had. */
  readonly version: number
}

/** A document to deliver. */
export interface OutgoingApplication {
  readonly application: Application
  /** What the target that is reported to this one has confirmed. */
  readonly confirmedVersion: number | null
}

/**
 * The outcome of one delivery. `rejected` and `failed` concern this document only: the target rejected it or failed on
 * it. `unreachable` stops the run until later; `isLate` when the target did not answer in time.
 */
export type DeliveryOutcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'rejected' | 'failed'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string; readonly isLate?: boolean }
  /** Not stored: the target has a newer version, or remembers a newer removal, that was never sent there. */
  | { readonly kind: 'stale'; readonly heldVersion: number; readonly isRemoved: boolean }

/** The outcome of a batch. */
export type BatchOutcome =
  /** One outcome for each document, in their order. */
  | { readonly kind: 'each'; readonly outcomes: readonly DeliveryOutcome[] }
  /** The documents must be sent one by one: an older target, or one that refused the batch or failed on it. */
  | { readonly kind: 'singly'; readonly isUnknown: boolean }
  | Extract<DeliveryOutcome, { kind: 'unreachable' }>

/** Applications in the order of their ids, read by ranges of ids: after one, up to and including another. */
export interface RangeReader<Row> {
  /** The digests of the ranges between these bounds; undefined when an older target cannot compute them. */
  digests(bounds: readonly number[]): Promise<readonly RangeDigest[] | undefined>
  /** Up to `limit` applications after one id up to another. Rejects when they cannot be read. */
  page(after: number, upTo: number, limit: number): Promise<readonly Row[]>
}

/** A place that keeps a copy of every application. Deliveries are repeated and may overtake one another; both must be harmless. */
export interface ReplicationTarget {
  /** Identifies the target in the store and the log; never changes. */
  readonly name: string
  /**
   * The target with a confirmed version that is reported to this one along with each document, and again whenever it
   * changes.
   */
  readonly reports?: string
  /** Delivers one document. */
  put(document: OutgoingApplication): Promise<DeliveryOutcome>
  /** Delivers many documents in one call. */
  putAll(documents: readonly OutgoingApplication[]): Promise<BatchOutcome>
  /** Removes an application; one that does not exist counts as delivered. */
  remove(application: RemovedApplication): Promise<DeliveryOutcome>
  /** What the target has, for one comparison. */
  held(): RangeReader<HeldApplication>
}

/** The version of an application at the source. */
export type SourceVersion = Pick<Application, 'id' | 'client_id' | 'version'>

/** The authoritative source of the applications. */
export interface ApplicationSource extends RangeReader<SourceVersion> {
  /**
   * The current documents of these client_ids, by client_id; none for a removed one. A document that breaks the rules
   * of {@link Application} is the sentence that says which.
   */
  find(clientIds: readonly string[]): Promise<ReadonlyMap<string, Application | string>>
  /**
   * Gives a document a version above this one, and writes the change to the outbox. Does nothing when its version is
   * already above.
   */
  raise(clientId: string, above: number): Promise<void>
  /** Ids that divide all applications into ranges of `size`, from 0 to the largest possible one. */
  bounds(size: number): Promise<readonly number[]>
}
