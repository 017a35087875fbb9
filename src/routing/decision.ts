import type { CredentialType } from '../credentials/index.ts'
import type { Asked } from './asked.ts'
import type { Destination, Endpoint, Reason } from './vocabulary.ts'

/** `any_token` if the request does not tell whether it is an access or a refresh token; a user code has no mark. */
export type PresentedType = CredentialType | 'any_token' | 'user_code'

/** The parts of one request that matter to routing. Created by `readFacts`, read by `decide`. */
export interface Facts {
  readonly endpoint: Endpoint
  /** The client id in the request; undefined if it contains none. */
  readonly clientId: string | undefined
  /** For `authorize`: identifies a flow among others of the same browser; undefined if nothing does. */
  readonly flow?: string | undefined
  /** The side in a genuine mark of that flow. */
  readonly markedSide?: Destination | undefined
  /** Why the facts cannot be trusted, if so: a repeated parameter, two client ids, broken encoding. */
  readonly fault: 'ambiguous_client' | 'malformed_request' | undefined
  /**
   * The request has more parameters, or nests them deeper, than any server here reads: 400, whichever side it belongs
   * to.
   */
  readonly exceedsLimits?: boolean
  /** The issuer of the presented credential, if there is one and its issuer is known. */
  readonly credential: 'none' | 'iam' | 'legacy' | 'unknown'
  /** The credential itself. It is a secret: use it only to look up its hash in a ledger. */
  readonly presented?: string | undefined
  /** The type of `presented`, according to the parameter that holds it. */
  readonly presentedType?: PresentedType | undefined
  /** For `token`: the grant type as sent, of any length; undefined if it is missing. */
  readonly grantType?: string | undefined
  /** What it asks for, beyond what routing depends on. */
  readonly asked?: Asked | undefined
  /** For `token`: the user of the password grant; personal data, only for a keyed hash. */
  readonly username?: string | undefined
  /** For an introspection without client authentication: the bearer token of the caller; a secret like `presented`. */
  readonly caller?: { readonly token: string; readonly issuer: 'iam' | 'legacy' | 'unknown' } | undefined
  /** A login or consent verifier that IAM issued: verified, not merely present. */
  readonly hasGenuineVerifier: boolean
  /** The side that served the first page of the flow that this request continues, if there is proof. */
  readonly affinity: Destination | undefined
  /** Whether the request may begin a flow: authorize, authorize_device, client_credentials, password. */
  readonly startsFlow: boolean
}

/** What is known about one client. */
export interface ClientStatus {
  /** The application's numeric id; undefined if only the flag's value is known (from a routing endpoint). */
  readonly applicationId: number | undefined
  /** `not_arrived`: on, but IAM does not hold the application's current version, so it stays on legacy. */
  readonly flag: 'on' | 'off' | 'not_arrived'
}

/** What `decide` needs to know besides the request, frozen at the time of the request. */
export interface RoutingContext {
  /** Whether an IAM upstream is configured at all. */
  readonly hasIam: boolean
  readonly brake: boolean
  /** Whether IAM's circuit is closed (or a probe is due). */
  readonly iamAvailable: boolean
  /** Looks a client up. Returns its status, or that it is unknown, or that the lookup is unavailable. */
  readonly lookUp: (clientId: string) => ClientStatus | 'unknown_client' | 'unavailable'
  /** Whether unknown clients go to IAM. */
  readonly unknownClientsToIam: boolean
}

/** Where a request goes, why, and for which application. */
export interface Decision {
  readonly destination: Destination
  readonly reason: Reason
  readonly applicationId: number | undefined
}
