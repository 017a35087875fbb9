import type { Destination, Endpoint, Reason } from './vocabulary.ts'

/** What one request says that matters to routing. Made by `readFacts`, read by `decide`. */
export interface Facts {
  readonly endpoint: Endpoint
  /** The one client id that the request names; undefined when it names none. */
  readonly clientId: string | undefined
  /** Of `authorize`: what tells its flow from others of the same browser; undefined where nothing does. */
  readonly flow?: string | undefined
  /** The side that a genuine mark of that flow names. */
  readonly markedSide?: Destination | undefined
  /** Why the facts cannot be trusted, if so: a parameter given twice, two client ids, broken encoding. */
  readonly fault: 'ambiguous_client' | 'malformed_request' | undefined
  /** It holds more parameters, or nests them deeper, than any server here reads: 400, whoever would have answered. */
  readonly exceedsLimits?: boolean
  /** Whose the presented credential is, if one is presented and its issuer is known. */
  readonly credential: 'none' | 'iam' | 'legacy' | 'unknown'
  /** That credential itself. It is a secret: for a ledger to look up by its hash, for nothing else. */
  readonly presented?: string | undefined
  /** Of an introspection: the bearer token that asks, where no client does; a secret like `presented`. */
  readonly caller?: { readonly token: string; readonly issuer: 'iam' | 'legacy' | 'unknown' } | undefined
  /** A login or consent verifier that IAM issued: checked, not merely present. */
  readonly hasGenuineVerifier: boolean
  /** The side that served the first page of the flow which this request continues, if it says so credibly. */
  readonly affinity: Destination | undefined
  /** Whether the request may begin a flow: authorize, authorize_device, client_credentials, password. */
  readonly startsFlow: boolean
}

/** What is known of one client. */
export interface ClientStanding {
  /** The application's numeric id; undefined where only the flag's answer is known (a routing endpoint said it). */
  readonly applicationId: number | undefined
  /** `not_arrived`: on, but IAM does not hold the application's current version, so that it stays on legacy. */
  readonly flag: 'on' | 'off' | 'not_arrived'
}

/** What `decide` needs to know of the world, frozen at the time of the request. */
export interface Surroundings {
  /** Whether an IAM upstream is configured at all. */
  readonly hasIam: boolean
  readonly brake: boolean
  /** Whether IAM's circuit is closed (or a probe is due). */
  readonly iamAvailable: boolean
  /** Looks a client up: its standing, or that nobody knows it, or that nobody could be asked. */
  readonly lookUp: (clientId: string) => ClientStanding | 'unknown_client' | 'unavailable'
  /** Whether clients nobody knows go to IAM. */
  readonly unknownClientsToIam: boolean
}

/** Where a request goes, why, and what that rested on. */
export interface Decision {
  readonly destination: Destination
  readonly reason: Reason
  readonly applicationId: number | undefined
}
