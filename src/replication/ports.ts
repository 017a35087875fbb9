import type { Application } from '../applications/index.ts'

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

/**
 * The outcome of one delivery. `rejected` and `failed` concern this document only: the target rejected it or failed on
 * it. `unreachable` stops the run until later.
 */
export type DeliveryOutcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'rejected' | 'failed'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Not stored: the target has a newer version, or remembers a newer removal, that was never sent there. */
  | { readonly kind: 'stale'; readonly heldVersion: number; readonly isRemoved: boolean }

/**
 * A place that keeps a copy of every application, or of documents of another kind. Deliveries are repeated and may
 * overtake one another; both must be harmless.
 */
export interface ReplicationTarget<Document = Application> {
  /** Identifies the target in the store and the log; never changes. */
  readonly name: string
  /**
   * The target with a confirmed version that is reported to this one along with each document, and again whenever it
   * changes.
   */
  readonly reports?: string
  /** Delivers a document; `confirmedVersion` is what {@link ReplicationTarget.reports} has confirmed. */
  put(document: Document, confirmedVersion: number | null): Promise<DeliveryOutcome>
  /** Removes an application; one that does not exist counts as delivered. */
  remove(application: RemovedApplication): Promise<DeliveryOutcome>
  /** Everything the target has. Rejects when it cannot be read. */
  list(): Promise<readonly HeldApplication[]>
}

/** The authoritative source of the documents. */
export interface DocumentSource<Document extends { readonly version: number }> {
  /** The current document; undefined for a removed one. */
  find(key: string): Promise<Document | undefined>
  /**
   * Gives a document a version above this one, and writes the change to the outbox. Does nothing when its version is
   * already above.
   */
  raise(key: string, above: number): Promise<void>
}

/** The authoritative source of the applications. */
export interface ApplicationSource extends DocumentSource<Application> {
  /** All applications. */
  list(): Promise<ReadonlyArray<Pick<Application, 'id' | 'client_id' | 'version'>>>
}
