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
  /** Answers the endpoints that no user sees; undefined when the path and method are not served here. */
  handle(request: HttpRequest): Promise<HttpReply | undefined>
  /** Parses the parameters of a request as Rails does. Never throws, whatever the request contains. */
  readParameters(request: HttpRequest): ReadParameters
  /** Checks an authorization request in Doorkeeper's order (RFC 6749 §4.1.1, RFC 7636 §4.3). */
  preAuthorize(parameters: Parameters): Promise<PreAuthorization>
  /** The scopes that the discovery document lists. */
  readonly scopes: readonly string[]
  /** GET and HEAD /oauth/authorize: runs the checks, OpenID Connect prompts and the lookup of earlier consent. */
  begin(
    parameters: Parameters,
    owner: ResourceOwner | undefined,
    context?: AuthorizationContext,
  ): Promise<AuthorizationStep>
  /**
   * POST /oauth/authorize by a user who agreed: repeats the checks, then issues a code or answers with the error.
   * `origin` is the server's origin in `Location`.
   */
  approve(parameters: Parameters, owner: ResourceOwner, origin: string): Promise<HttpReply>
  /** DELETE /oauth/authorize by a user who refused. Redirects only to an address that is proven to be the client's. */
  deny(parameters: Parameters): Promise<HttpReply>
  /** Issues a code and answers in the request's response mode. `origin` is the server's origin in `Location`. */
  issueCode(request: AuthorizationRequest, owner: ResourceOwner, origin: string): Promise<HttpReply>
  /** The answer that tells the client that the user refused, or the error given in `told`. */
  refuse(request: AuthorizationRequest, told?: { readonly error: string; readonly description: string }): HttpReply
  /** An authorization error as POST answers it: sent to the client, or JSON when no address is proven. */
  errorReply(error: AuthorizationError): HttpReply
  /** The applications a user has authorized. */
  readonly grants: UserGrants
  /** GET /oauth/authorize/native: displays the given code, whatever it is, escaped. */
  nativePage(parameters: Parameters): HttpReply
  readonly guessUserCode: GuessUserCode
  /**
   * The device that is waiting under this user code; undefined when the code is unknown, used or expired. Codes are
   * case-sensitive.
   */
  findDevice(userCode: string): Promise<PendingDevice | undefined>
  /** Assigns a waiting device to a user, once. */
  approveDevice(userCode: string, owner: ResourceOwner): Promise<DeviceApproval>
  /** Looks up an access token of this server by its value, valid or not; undefined for one it never issued. */
  findAccessToken(token: string): Promise<AccessToken | undefined>
  /** The token in a request: `access_token` parameter, Bearer header, then `bearer_token` parameter. */
  bearerOf(request: HttpRequest, parameters: Parameters): string | undefined
  /**
   * The answer to a request that carries an access token in its URI although the policy of the token's client forbids
   * it: 400 `invalid_request` (RFC 6750 §2.3, §3.1). Call it before {@link AuthorizationServer.admit}.
   *
   * @param clientId the token's client; null or undefined when the token has none or is unknown
   */
  refuseTokenInUri(request: HttpRequest, clientId: string | null | undefined): Promise<HttpReply | undefined>
  /**
   * Checks whether a token may access a resource that requires one of `scopes`. Returns the error answer of RFC 6750 §3
   * when it may not, else undefined.
   */
  admit(token: AccessToken | undefined, scopes: readonly string[]): HttpReply | undefined
  /** Signs a JWT with the server's key for JWT access tokens. `header` is merged with typ, kid and alg. */
  signJwt(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, string>>): Promise<string>
  /** The signing keys, for operators. */
  readonly signingKeys: Pick<KeyRing, 'list' | 'rotate' | 'withdraw'>
  /** The public keys, as served at /oauth/discovery/keys. */
  jwks(): Promise<{ readonly keys: ReadonlyArray<Readonly<Record<string, unknown>>> }>
  /** The policy that applies to an application on this server, whether or not the application is stored. */
  policyFor(application: Pick<ApplicationDocument, 'client_id' | 'policy'>): Policy
  readonly applications: ApplicationStore
  /** At most 1,000 security events since `since`, oldest first. Events are kept for 400 days. */
  securityEvents(since: Date): Promise<StoredSecurityEvent[]>
  /** Lists and revokes each application's live credentials. */
  readonly liveCredentials: {
    /** At most `limit` applications with an id above `after`, ordered by id; with `clientId`, only that application. */
    list(page: { after: number; limit: number; clientId: string | undefined }): Promise<LiveCredentials[]>
    /** Revokes one batch and records a security event; undefined for an unknown client. Repeat until `isDone`. */
    revoke(clientId: string, kinds: readonly CredentialKind[]): Promise<RevokedBatch | undefined>
  }
  /**
   * Ends all credentials of a user: tokens, codes and approved devices, including those that an in-flight request is
   * about to store.
   */
  readonly subjects: {
    /** Ends the credentials issued so far and, while `barred`, later ones too. Takes effect when `within` commits. */
    end(subject: string, how: { readonly barred: boolean }, within: StoreScope): Promise<void>
    /** Lets a barred user obtain new credentials; the earlier ones stay invalid. */
    admit(subject: string, within: StoreScope): Promise<void>
    /**
     * Call this as soon as `within` has committed: it ends what in-flight requests stored in the meantime, marks ended
     * credentials as revoked, and records a security event. Returns the number of pairs.
     */
    sweep(subject: string): Promise<number>
  }
  /** For tests: deletes every token, code and device. */
  reset(): Promise<void>
  /** For tests: makes everything issued so far older by this many seconds. */
  advance(seconds: number): Promise<void>
  /** Deletes what expired long enough ago; returns the number of rows. */
  purge(): Promise<number>
}
