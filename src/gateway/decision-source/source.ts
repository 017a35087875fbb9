import type { ClientStanding } from '../../routing/index.ts'

/** The result of looking up a client in a decision source. */
export type Standing = ClientStanding | 'unknown_client' | 'unavailable'

/** The id of a client's application, that there is none, or that this is not known without a query. */
export type KnownAs = number | 'nobody' | 'not_told'

/** Whether an application has the client id; undefined if only a query could tell. */
export function isKnown(application: KnownAs): boolean | undefined {
  return application === 'not_told' ? undefined : application !== 'nobody'
}

/** Converts the lookup result of a snapshot to {@link KnownAs}. */
export function knownFrom(standing: Standing): KnownAs {
  if (standing === 'unknown_client') return 'nobody'
  return (standing === 'unavailable' ? undefined : standing.applicationId) ?? 'not_told'
}

/** The request that needs the lookup. */
export interface Asker {
  readonly correlationId: string
  readonly traceparent: string | undefined
}

/** The source of routing decisions, as the request path uses it. */
export interface DecisionSource {
  /** Version of the snapshot in use; undefined if there is none. */
  readonly version: number | undefined
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
  lookUp(clientId: string, asker: Asker): Standing | Promise<Standing>
  /** What is known about a client without a query; for logs and metrics. */
  knownAs(clientId: string): KnownAs
  close(): Promise<void>
}

/** For a gateway without a source: no client is known. */
export const NO_SOURCE: DecisionSource = {
  version: undefined,
  brake: false,
  unknownClientsToIam: false,
  isAvailable: false,
  ageMs: undefined,
  lookUp: () => 'unavailable',
  knownAs: () => 'not_told',
  close: () => Promise.resolve(),
}
