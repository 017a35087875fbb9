import type { ApplicationPolicy, Policy } from '../../applications/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { KeyRing } from '../keys/ring.ts'
import type { CredentialKind, LiveCredentials, RevokedBatch } from '../store/live-credentials.ts'
import type { Client, ResourceOwner, SecurityEvent } from './ports.ts'

/** A request parameter as Rails reads it. */
export type ParameterValue = string | number | boolean | null | readonly ParameterValue[] | Parameters
/** Request parameters by name, query over body. Use {@link textOf} to read one that must be a string. */
export interface Parameters {
  readonly [name: string]: ParameterValue | undefined
}

/** What a request holds, or the answer to one that cannot be read (400, empty HTML body; README of the recording, 23). */
export type ReadParameters =
  | {
      readonly ok: true
      readonly parameters: Parameters
      /** The method after `_method` in a POSTed form was obeyed, upper case. */
      readonly method: string
    }
  | { readonly ok: false; readonly reply: HttpReply; readonly method: string }

export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** A checked authorization request. Plain data: survives JSON. */
export interface AuthorizationRequest {
  readonly client: Client
  readonly redirectUri: string
  readonly responseType: 'code'
  /** As sent; undefined when it was not. */
  readonly responseMode: ResponseMode | undefined
  /** Scopes in the order asked, each once, or the default ones. */
  readonly scopes: readonly string[]
  /** The scope text as the consent form repeats it. */
  readonly scope: string
  /** This and the three below as sent; a blank one stands for none. */
  readonly state: string | undefined
  readonly nonce: string | undefined
  readonly codeChallenge: string | undefined
  readonly codeChallengeMethod: string | undefined
}

/** Why an authorization request cannot go on. */
export interface AuthorizationError {
  readonly error: string
  readonly description: string
  readonly status: number
  readonly state: string | undefined
  /** Where to send the error; undefined when no address of the client was proven. */
  readonly redirectUri: string | undefined
  readonly responseMode: ResponseMode | undefined
  /** The issuer, where the client's policy has the answer name it (RFC 9207). */
  readonly iss: string | undefined
}

export type PreAuthorization =
  | { readonly ok: true; readonly request: AuthorizationRequest }
  | { readonly ok: false; readonly error: AuthorizationError }

/** What GET /oauth/authorize comes to. */
export type AuthorizationStep =
  /** Nobody is signed in: nothing was checked. */
  | { readonly kind: 'sign_in' }
  /** The user must sign in anew (prompt=login, max_age) and come back with `returnQuery`, from which the prompt is gone. */
  | { readonly kind: 'reauthenticate'; readonly returnQuery: string }
  /** prompt=select_account. */
  | { readonly kind: 'select_account'; readonly returnQuery: string }
  /** Show the consent page. */
  | { readonly kind: 'consent'; readonly request: AuthorizationRequest }
  /** Consent stands or is not needed: issue a code at once. */
  | { readonly kind: 'issue'; readonly request: AuthorizationRequest }
  /** Answer with this: the error page, or an OpenID Connect error sent to the client. */
  | { readonly kind: 'reply'; readonly reply: HttpReply }

/** What is known of an authorization request beside its parameters. */
export interface AuthorizationContext {
  /** An absolute address: named in errors for clients without a redirect address when nobody is signed in. */
  readonly signInAddress?: string | undefined
  /**
   * The scope texts of tokens that the user has granted to the client, but not through this server. Called only when
   * the answer depends on it: no token of this server has the requested scopes. Must not reject.
   */
  grantedElsewhere?(client: Client, owner: ResourceOwner): Promise<readonly string[]>
}

/** A live or dead access token, as the store knows it. */
export interface AccessToken {
  readonly id: number
  readonly applicationId: number | null
  /** Null for a token without a client. */
  readonly clientId: string | null
  /** Null for client_credentials. */
  readonly subject: string | null
  readonly scopes: readonly string[]
  readonly createdAt: Date
  /** Seconds. */
  readonly expiresIn: number
  readonly revoked: boolean
  readonly expired: boolean
}

/** The unrevoked tokens of one user, one application and one set of scopes, taken together. */
export interface Grant {
  /** The application's. */
  readonly id: number
  readonly clientId: string
  /** The application's. */
  readonly name: string
  /** The scope text of the tokens. */
  readonly scope: string
  /** When the newest of the tokens was issued. */
  readonly createdAt: Date
}

/** How many credentials of one user and one application were revoked. */
export interface RevokedGrants {
  readonly tokens: number
  readonly codes: number
  readonly deviceCodes: number
}

/** A device grant that waits for a user. */
export interface PendingDevice {
  readonly clientId: string
  readonly clientName: string
  readonly scopes: readonly string[]
}

/** Whether a user code may be looked at, or how long it must wait, in milliseconds. */
export type UserCodeGuess =
  | { readonly allowed: true; takeBack(): Promise<void> }
  | { readonly allowed: false; readonly waitMs: number }

export type DeviceApproval = 'approved' | 'unknown' | 'expired'

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
  readonly grants: {
    /** The newest first, at most 1,000; with `clientId` those of that application alone. */
    list(ownerId: string, clientId?: string): Promise<Grant[]>
    /**
     * Revokes every token, code and approved device of a user and an application, also those that a request under way
     * makes of one of them. An unknown application has none.
     */
    revoke(ownerId: string, clientId: string, within: StoreScope): Promise<RevokedGrants>
  }
  /** GET /oauth/authorize/native: shows whatever code it is given, escaped. */
  nativePage(parameters: Parameters): HttpReply
  /**
   * Counts a guess of a user code, before it is looked at, for all replicas (RFC 8628 §5.1). One that proves right is
   * taken back. `network` is where it comes from; left out where that is not known.
   */
  guessUserCode(ownerId: string, network?: string): Promise<UserCodeGuess>
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

/** A security event on record. */
export type StoredSecurityEvent = SecurityEvent & {
  readonly id: number
  /** By the clock of the database. */
  readonly occurredAt: Date
}

/** The applications this server knows. Documents of the same `client_id` are ordered by their version. */
export interface ApplicationStore {
  /** Inserts, or updates when the version is higher; false when what is held is as new or newer. */
  upsert(application: ApplicationDocument, within?: StoreScope): Promise<boolean>
  /** Removes the application and its tokens, unless a version above `version` is held; false when nothing was removed. */
  remove(clientId: string, version?: number, within?: StoreScope): Promise<boolean>
  find(clientId: string, within?: StoreScope): Promise<ApplicationDocument | undefined>
  findById(id: number): Promise<ApplicationDocument | undefined>
  /** In the order of their ids. */
  list(): Promise<ApplicationDocument[]>
  /** An id that no application has or had. */
  nextId(within?: StoreScope): Promise<number>
}

/** The transaction that a write shall be part of. */
export interface StoreScope {
  query<Row extends object>(
    statement: { readonly name: string; readonly text: string } | string,
    values?: readonly unknown[],
  ): Promise<Row[]>
}

/** The same document as `Application` of the applications folder. */
export interface ApplicationDocument {
  readonly id: number
  readonly client_id: string
  readonly name: string
  readonly secret_digest: string | null
  readonly redirect_uris: readonly string[]
  readonly scopes: readonly string[]
  readonly confidential: boolean
  readonly trusted: boolean
  readonly version: number
  /** What it is to be held to beyond Doorkeeper's rules; absent when it says nothing. */
  readonly policy?: ApplicationPolicy | undefined
}
