import type { Policy, PolicyPreset, PolicyTarget } from '../../applications/index.ts'
import type { Database } from '../../storage/index.ts'
import type { SigningAlgorithm } from '../keys/algorithms.ts'
import type { SigningKeyChange } from '../keys/ring.ts'
import type { RequestLimits } from '../limits/request-limits.ts'
import type { UserCodeLimits } from '../limits/user-code-guess.ts'
import type { DoorkeeperVersion } from './dialect.ts'

/** An OAuth application in the role it plays on the wire. */
export interface Client {
  /** The platform's numeric id of the application. */
  readonly id: number
  readonly clientId: string
  readonly name: string
  /** SHA-512 of the secret, lower-case hex; null when the application has none. */
  readonly secretDigest: string | null
  readonly redirectUris: readonly string[]
  /** Empty: every scope of the server. */
  readonly scopes: readonly string[]
  readonly confidential: boolean
  readonly trusted: boolean
  readonly version: number
  /** What it is held to, decided when it was loaded. */
  readonly policy: Policy
}

/** The user who grants access. */
export interface ResourceOwner {
  /** Decimal digits. */
  readonly id: string
  readonly username: string
  readonly name: string
  readonly email: string
  /** What else the platform says of the user, by the names of the claims; null stands for no value. */
  readonly claims: Readonly<Record<string, ClaimValue>>
  /** Seconds since the epoch of the last sign-in. */
  readonly authTime: number
}

/** The value of a claim: any JSON. */
export type ClaimValue =
  | string
  | number
  | boolean
  | null
  | readonly ClaimValue[]
  | { readonly [member: string]: ClaimValue }

/** Where users are known. */
export interface ResourceOwnerStore {
  find(id: string): Promise<ResourceOwner | undefined>
  /**
   * Left out: the password grant is unsupported. `network` is where the guess came from. Rejects with
   * `TooManyGuessesError` when it is not looked at.
   */
  authenticate?(username: string, password: string, network: string): Promise<ResourceOwner | undefined>
}

/** What an access token is minted for. */
export interface AccessTokenGrant {
  /** Undefined for client_credentials. */
  readonly subject: string | undefined
  readonly client: Client | undefined
  readonly scopes: readonly string[]
  /** Seconds. */
  readonly lifetime: number
  /** Seconds since the epoch. */
  readonly issuedAt: number
}

/** Makes credentials. Each value must be unguessable; the store keeps its SHA-256 only. */
export interface TokenMint {
  authorizationCode(): string
  accessToken(grant: AccessTokenGrant): string | Promise<string>
  refreshToken(): string
  deviceCode(): string
  userCode(): string
}

/** A claim that may be shown of users; the order of the list is the order on the wire. */
export interface Claim {
  readonly name: string
  /** The scope that shows it, beside `openid`; undefined when that is enough. */
  readonly scope: string | undefined
  /** Whether ID tokens hold it too; userinfo shows it in any case. */
  readonly inIdToken: boolean
}

/** What an operator decides. Everything has a default but the issuer. */
export interface Settings {
  readonly issuer: string
  /** The version of Doorkeeper to answer as. Default 5.9. */
  readonly doorkeeperVersion?: DoorkeeperVersion | undefined
  /** Seconds. Default 7,200. */
  readonly accessTokenLifetime?: number
  /** Seconds. Default 600. */
  readonly codeLifetime?: number
  /** Seconds. Default 120. */
  readonly idTokenLifetime?: number
  /** Seconds. Default 300. */
  readonly deviceCodeLifetime?: number
  /** Seconds between two polls of a device. Default 5. */
  readonly deviceInterval?: number
  /** Default `['api']`. */
  readonly defaultScopes?: readonly string[]
  /** Scopes beside the default ones, in the order discovery lists them. Default: GitLab's. */
  readonly optionalScopes?: readonly string[]
  /** Scopes with a part left open (`user:*`), which discovery does not list. Default none. */
  readonly dynamicScopes?: readonly string[]
  /** What `WWW-Authenticate` calls the protected area (RFC 9110 §11.5). Default `Doorkeeper`. */
  readonly realm?: string
  /** Where users type a device's code: an absolute URL, or a path of the origin the device came by. Default `/oauth/device`. */
  readonly verificationUri?: string
  /** Origin that discovery names for the endpoints. Default: the one the request came by, as https. */
  readonly endpointOrigin?: string
  /** Which claims are shown, the same for every server with this issuer. Default: {@link DEFAULT_CLAIMS}. */
  readonly claims?: readonly Claim[] | undefined
  /** Allows the password grant without a client. Default false. */
  readonly passwordGrantWithoutClient?: boolean
  /** What clients are held to beyond Doorkeeper's rules. Default: nothing. */
  readonly policy?: InstancePolicy | undefined
  /** For so many seconds after its use a refresh token or code that comes again counts as a repeated request. Default 10. */
  readonly reuseGraceSeconds?: number | undefined
  /** 32 bytes that seal the signing keys at rest; without it they lie open in the database. */
  readonly sealingKey?: Uint8Array | undefined
  /** Opens what the key above does not: what it opens is sealed anew. */
  readonly previousSealingKey?: Uint8Array | undefined
  /** What access tokens in the form of a JWT are signed with, once its key has been published for the lead. Default RS256. */
  readonly accessTokenAlgorithm?: SigningAlgorithm | undefined
  /** Default: one key for ever, as Doorkeeper has it. */
  readonly signingKeys?: SigningKeySettings | undefined
}

/** Those of the settings that say what is issued, and for how long: the same on every server with this issuer. */
export type TokenSettings = Pick<
  Settings,
  | 'defaultScopes'
  | 'optionalScopes'
  | 'dynamicScopes'
  | 'codeLifetime'
  | 'accessTokenLifetime'
  | 'idTokenLifetime'
  | 'deviceCodeLifetime'
  | 'deviceInterval'
  | 'realm'
>

/** How signing keys follow one another. */
export interface SigningKeySettings {
  /** A key signs for so long, and the next one is always published. Default: until somebody asks for another. */
  readonly lifetimeSeconds?: number | undefined
  /** How long a key is published before it signs: at least twice the longest cache of key sets. Default two days. */
  readonly leadSeconds?: number | undefined
  /** How long a key stays published once its successor signs. Default: as long as what it signed is valid, and 15 minutes. */
  readonly keepSeconds?: number | undefined
  /** For how long a process may go by what it has read of the keys. Default five minutes; it reads again after one. */
  readonly staleSeconds?: number | undefined
}

/** What an operator holds clients to beyond Doorkeeper's rules (RFC 9700); `policyFor` decides for one of them. */
export interface InstancePolicy {
  /** Default `compatible`. */
  readonly preset?: PolicyPreset
  /** Over the preset. */
  readonly rules?: Partial<Policy>
  /** Whom the above does not concern: they are held to what their own documents say. */
  readonly exempt?: readonly PolicyTarget[]
  /** Who is held to the strictest, whatever is said elsewhere. */
  readonly strictFor?: readonly PolicyTarget[]
}

/** A successful grant, for the log. */
export interface GrantEvent {
  readonly grantType: 'authorization_code' | 'refresh_token' | 'client_credentials' | 'password' | 'device_code'
  /** Undefined when no client took part. */
  readonly clientId: string | undefined
  readonly applicationId: number | undefined
}

/** Every kind of {@link SecurityEvent}. */
export const SECURITY_EVENT_KINDS = ['refresh_token_reuse', 'authorization_code_replay'] as const

/**
 * A refresh token or code of one use came again after its grace, so its family of tokens was revoked (RFC 9700 §4.14.2,
 * RFC 6749 §4.1.2). Null is what is not known. Holds no credential.
 */
export interface CredentialReuse {
  readonly kind: (typeof SECURITY_EVENT_KINDS)[number]
  readonly clientId: string | null
  readonly applicationId: number | null
  readonly subject: string | null
  /** Joins all tokens that descend from one grant. */
  readonly familyId: string
  readonly tokensRevoked: number
  /** Milliseconds since the epoch. */
  readonly firstUsedAt: number
}

/** An operator ended a batch of what lived of an application. */
export interface CredentialsDrained {
  readonly kind: 'credentials_drained'
  readonly clientId: string | null
  readonly applicationId: number | null
  readonly subject: null
  readonly familyId: null
  /** Pairs of tokens, codes and device codes together. */
  readonly tokensRevoked: number
  readonly firstUsedAt: null
}

/** The platform ended all that a user had: the user was blocked or deleted, or signed out everywhere. */
export interface UserCredentialsEnded {
  readonly kind: 'user_credentials_ended'
  readonly clientId: null
  readonly applicationId: null
  readonly subject: string
  readonly familyId: null
  readonly tokensRevoked: number
  readonly firstUsedAt: null
}

/** What an operator must hear of, for the log, a counter and the record. */
export type SecurityEvent = CredentialReuse | CredentialsDrained | UserCredentialsEnded

/** What {@link createAuthorizationServer} needs. */
export interface AuthorizationServerDependencies {
  readonly database: Database
  /** The schema that {@link authorizationMigrations} were run in. */
  readonly schema: string
  readonly resourceOwners: ResourceOwnerStore
  readonly mint: TokenMint
  readonly settings: Settings
  /** Called after every successful grant. Must not throw. */
  readonly onGrant?: (event: GrantEvent) => void
  /** Called once for each event, after it has been put on record. Must not throw. */
  readonly onSecurityEvent?: (event: SecurityEvent) => void
  /** Called when a signing key was made, given a time, erased or removed. Must not throw. */
  readonly onKeyChange?: (change: SigningKeyChange) => void
  /** Default: nothing is limited. */
  readonly limits?: RequestLimits
  /** How often user codes may be guessed. Default: as often as one likes. */
  readonly userCodeLimits?: UserCodeLimits | undefined
  /** Makes whole pages of the server's own titles and bodies. Default: a plain page. */
  readonly layout?: Layout
}

/** Wraps the inner HTML of a page, which is escaped already, into a document. */
export type Layout = (page: { readonly title: string; readonly body: string }) => string
