import type { ClientStanding } from '../routing/index.ts'

/** What a decision source says of a client. */
export type Standing = ClientStanding | 'unknown_client' | 'unavailable'

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
  lookUp(clientId: string, correlationId: string): Standing | Promise<Standing>
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
  close: () => Promise.resolve(),
}
