import type { Policy } from '../applications/index.ts'
import type { HttpReply, HttpRequest } from '../http/index.ts'
import type {
  AuthorizationContext,
  AuthorizationError,
  AuthorizationRequest,
  AuthorizationStep,
  PreAuthorization,
} from './authorization/authorization-request.ts'
import type { DeviceApproval, PendingDevice } from './authorization/device-approval.ts'
import type { KeyRing } from './keys/ring.ts'
import type { ResourceOwner } from './model/resource-owner.ts'
import type { ReadParameters } from './parameters/read.ts'
import type { Parameters } from './parameters/value.ts'
import type { ApplicationDocument, ApplicationStore } from './store/applications.ts'
import type { CredentialKind, LiveCredentials, RevokedBatch } from './store/live-credentials.ts'
import type { StoredSecurityEvent } from './store/security-events.ts'
import type { StoreScope } from './store/statements.ts'
import type { AccessToken } from './store/tokens.ts'
import type { GuessUserCode } from './store/user-code-guesses.ts'
import type { UserGrants } from './store/user-grants.ts'

/** The OAuth 2 and OpenID Connect endpoints as Doorkeeper serves them, without users, sessions or consent pages. */
export interface AuthorizationServer {
  /** Answers the endpoints no user looks at; undefined when path and method are none of its own. */
  handle(request: HttpRequest): Promise<HttpReply | undefined>
  /** The parameters of a request as Rails reads them. Never throws, whatever is sent. */
  readParameters(request: HttpRequest): ReadParameters
  /** Checks an authorization request in Doorkeeper's order (RFC 6749 §4.1.1, RFC 7636 §4.3). */
  preAuthorize(parameters: Parameters): Promise<PreAuthorization>
  /** The scopes that the discovery document lists. */
  readonly scopes: readonly string[]
  /** GET and HEAD /oauth/authorize: checks, OpenID Connect prompts, consent given before. */
  begin(
    parameters: Parameters,
    owner: ResourceOwner | undefined,
    context?: AuthorizationContext,
  ): Promise<AuthorizationStep>
  /** POST /oauth/authorize by a user who agreed: checks again, then issues or answers the error. `origin` names the server in `Location`. */
  approve(parameters: Parameters, owner: ResourceOwner, origin: string): Promise<HttpReply>
  /** DELETE /oauth/authorize by a user who refused. Only an address proven to be the client's is followed. */
  deny(parameters: Parameters): Promise<HttpReply>
  /** Issues a code and answers as the request's response mode asks. `origin` names the server in `Location`. */
  issueCode(request: AuthorizationRequest, owner: ResourceOwner, origin: string): Promise<HttpReply>
  /** The answer that tells the client the user refused, or what else went wrong when `told` says so. */
  refuse(request: AuthorizationRequest, told?: { readonly error: string; readonly description: string }): HttpReply
  /** An authorization error as POST answers it: sent to the client, or JSON when no address is proven. */
  errorReply(error: AuthorizationError): HttpReply
  /** What a user has let applications do. */
  readonly grants: UserGrants
  /** GET /oauth/authorize/native: shows whatever code it is given, escaped. */
  nativePage(parameters: Parameters): HttpReply
  readonly guessUserCode: GuessUserCode
  /** The device that waits under this code; undefined when unknown, used or expired. Codes are case-sensitive. */
  findDevice(userCode: string): Promise<PendingDevice | undefined>
  /** Gives a waiting device to a user, once. */
  approveDevice(userCode: string, owner: ResourceOwner): Promise<DeviceApproval>
  /** An access token of this server by its value, dead or alive; undefined for one it never issued. */
  findAccessToken(token: string): Promise<AccessToken | undefined>
  /** The token a request carries: `access_token` parameter, Bearer header, `bearer_token` parameter, in this order. */
  bearerOf(request: HttpRequest, parameters: Parameters): string | undefined
  /**
   * The answer to a request whose URI carries an access token where the policy of the token's client keeps them out of
   * URIs: 400 `invalid_request` (RFC 6750 §2.3, §3.1). Ask before {@link AuthorizationServer.admit}.
   *
   * @param clientId the client of the token, null or undefined when it has none or is unknown
   */
  refuseTokenInUri(request: HttpRequest, clientId: string | null | undefined): Promise<HttpReply | undefined>
  /** Whether a token may be used for a resource that wants one of `scopes`; the answer of RFC 6750 §3 when not. */
  admit(token: AccessToken | undefined, scopes: readonly string[]): HttpReply | undefined
  /** Signs a JWT with the server's key for access tokens in that form. `header` adds to typ, kid and alg. */
  signJwt(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, string>>): Promise<string>
  /** The signing keys, for operators. */
  readonly signingKeys: Pick<KeyRing, 'list' | 'rotate' | 'withdraw'>
  /** The public keys, as /oauth/discovery/keys shows them. */
  jwks(): Promise<{ readonly keys: ReadonlyArray<Readonly<Record<string, unknown>>> }>
  /** What an application is held to on this server, whether it is stored or not. */
  policyFor(application: Pick<ApplicationDocument, 'client_id' | 'policy'>): Policy
  readonly applications: ApplicationStore
  /** At most 1,000 security events from `since` on, the oldest first. They are kept for 400 days. */
  securityEvents(since: Date): Promise<StoredSecurityEvent[]>
  /** What lives of each application, and its end. */
  readonly liveCredentials: {
    /** The applications with an id above `after`, at most `limit`, by id; with `clientId` that one alone. */
    list(page: { after: number; limit: number; clientId: string | undefined }): Promise<LiveCredentials[]>
    /** Ends a batch, on record as a security event; undefined for an unknown client. Until `isDone`, say it again. */
    revoke(clientId: string, kinds: readonly CredentialKind[]): Promise<RevokedBatch | undefined>
  }
  /** The end of all that a user has: tokens, codes and approved devices, also those that a request under way stores. */
  readonly subjects: {
    /** Ends what there is until now, and while `barred` what comes later too. Counts once `within` is committed. */
    end(subject: string, how: { readonly barred: boolean }, within: StoreScope): Promise<void>
    /** Lets a barred user have new credentials; the earlier ones stay dead. */
    admit(subject: string, within: StoreScope): Promise<void>
    /**
     * To be called as soon as `within` is committed: ends what requests under way have stored meanwhile, and marks what
     * has ended as revoked, on record as a security event. Returns how many pairs.
     */
    sweep(subject: string): Promise<number>
  }
  /** Test control: forgets every token, code and device. */
  reset(): Promise<void>
  /** Test control: makes all that was issued this much older. */
  advance(seconds: number): Promise<void>
  /** Removes what expired long enough ago; returns the number of rows. */
  purge(): Promise<number>
}
