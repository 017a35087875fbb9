import type { ClientStanding } from '../../routing/index.ts'

/** What a decision source says of a client. */
export type Standing = ClientStanding | 'unknown_client' | 'unavailable'

/** The id of a client's application, that there is none, or that only asking would tell. */
export type KnownAs = number | 'nobody' | 'not_told'

/** Whether an application has the client id; undefined when only asking would tell. */
export function isKnown(application: KnownAs): boolean | undefined {
  return application === 'not_told' ? undefined : application !== 'nobody'
}

/** Reads a snapshot's word on a client as {@link KnownAs}. */
export function knownFrom(standing: Standing): KnownAs {
  if (standing === 'unknown_client') return 'nobody'
  return (standing === 'unavailable' ? undefined : standing.applicationId) ?? 'not_told'
}

/** The request that a client is looked up for. */
export interface Asker {
  readonly correlationId: string
  readonly traceparent: string | undefined
}

/** Where routing decisions come from, as the path of a request sees it. */
export interface DecisionSource {
  /** Version of the snapshot in use; undefined where there is none. */
  readonly version: number | undefined
  /** The brake as the control plane has it. */
  readonly brake: boolean
  readonly unknownClientsToIam: boolean
  /** Whether clients can be looked up at all. */
  readonly isAvailable: boolean
  /** Milliseconds since the source last confirmed what it says; undefined when it never did. */
  readonly ageMs: number | undefined
  /** A source that holds a snapshot answers at once, one that asks answers later. Never throws or rejects. */
  lookUp(clientId: string, asker: Asker): Standing | Promise<Standing>
  /** What is known of a client without asking anybody; for logs and metrics. */
  knownAs(clientId: string): KnownAs
  close(): Promise<void>
}

/** For a gateway without a source: nothing is known. */
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
