import type { ClientStatus, Snapshot } from '../../routing/index.ts'

/** The result of looking up a client in a decision source. */
export type ClientLookup = ClientStatus | 'unknown_client' | 'unavailable'

/** The id of a client's application, that there is none, or that this is not known without a query. */
export type KnownAs = number | 'no_application' | 'unresolved'

/** Whether an application has the client id; undefined if only a query could tell. */
export function isKnown(application: KnownAs): boolean | undefined {
  return application === 'unresolved' ? undefined : application !== 'no_application'
}

/** Converts the lookup result of a snapshot to {@link KnownAs}. */
export function knownFrom(status: ClientLookup): KnownAs {
  if (status === 'unknown_client') return 'no_application'
  return (status === 'unavailable' ? undefined : status.applicationId) ?? 'unresolved'
}

/** The request that needs the lookup. */
export interface LookupRequest {
  readonly correlationId: string
  readonly traceparent: string | undefined
}

/** The source of routing decisions, as the request path uses it. */
export interface DecisionSource {
  /** Version of the snapshot in use; undefined if there is none. */
  readonly version: number | undefined
  /** The snapshot in use; undefined if there is none, and for a source that queries an endpoint. */
  readonly snapshot: Snapshot | undefined
  /** Whether the control plane holds the brake. */
  readonly brake: boolean
  readonly unknownClientsToIam: boolean
  /** Whether clients can be looked up at all. */
  readonly isAvailable: boolean
  /** Milliseconds since the source last confirmed its data; undefined if it never did. */
  readonly ageMs: number | undefined
  /**
   * Looks a client up. A source with a snapshot returns at once; one that queries an endpoint returns a promise. Never
   * throws or rejects.
   */
  lookUp(clientId: string, request: LookupRequest): ClientLookup | Promise<ClientLookup>
  /** What is known about a client without a query; for logs and metrics. */
  knownAs(clientId: string): KnownAs
  close(): Promise<void>
}

/** For a gateway without a source: no client is known. */
export const NO_SOURCE: DecisionSource = {
  version: undefined,
  snapshot: undefined,
  brake: false,
  unknownClientsToIam: false,
  isAvailable: false,
  ageMs: undefined,
  lookUp: () => 'unavailable',
  knownAs: () => 'unresolved',
  close: () => Promise.resolve(),
}
