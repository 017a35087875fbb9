import type { Application } from '../applications/index.ts'

/** What a target says it holds of one application. */
export interface HeldApplication {
  readonly id: number
  readonly clientId: string
  readonly version: number
  /** The version that this target was told the other one confirmed; undefined for a target that is not told. */
  readonly reportedVersion?: number | null
}

/** An application that is gone. */
export interface RemovedApplication {
  readonly id: number
  readonly clientId: string
  /** Above every version the application had. */
  readonly version: number
}

/**
 * What came of one delivery. `rejected` and `failed` concern this document alone: it was refused, or the target broke on
 * it. `unreachable` stops the run until later.
 */
export type DeliveryOutcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'rejected' | 'failed'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Not stored: what the target holds, or the removal that it remembers, is newer although this was never sent there. */
  | { readonly kind: 'stale'; readonly heldVersion: number; readonly isRemoved: boolean }

/** A place that keeps a copy of every application, or of documents of another kind. Deliveries are repeated and may overtake one another: both must be harmless. */
export interface ReplicationTarget<Document = Application> {
  /** Names the target in the store and the log; never changes. */
  readonly name: string
  /** The target whose confirmed version this one is told with each document, again whenever it changes. */
  readonly reports?: string
  /** Hands over a document; `confirmedVersion` is what {@link ReplicationTarget.reports} has confirmed. */
  put(document: Document, confirmedVersion: number | null): Promise<DeliveryOutcome>
  /** Takes an application away; one that is not there counts as delivered. */
  remove(application: RemovedApplication): Promise<DeliveryOutcome>
  /** Everything held. Rejects when it cannot be read. */
  list(): Promise<readonly HeldApplication[]>
}

/** Where the documents really are. */
export interface DocumentSource<Document extends { readonly version: number }> {
  /** The current document; undefined for one that is gone. */
  find(key: string): Promise<Document | undefined>
  /** Gives a document a version above this one, and notes the change in the outbox. Does nothing where it has one. */
  raise(key: string, above: number): Promise<void>
}

/** Where the applications really are. */
export interface ApplicationSource extends DocumentSource<Application> {
  /** Every application there is. */
  list(): Promise<ReadonlyArray<Pick<Application, 'id' | 'client_id' | 'version'>>>
}
