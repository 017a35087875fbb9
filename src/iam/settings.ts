import type {
  Settings as ProtocolSettings,
  RequestLimitSettings,
  UserCodeLimits,
} from '../authorization-server/index.ts'
import type { ListenAddress } from '../http/index.ts'
import type { LineAllowance, TracingSettings } from '../observability/index.ts'
import type { Database } from '../storage/index.ts'

/** The validated settings of an IAM auth service. */
export interface IamSettings {
  /** The public port: what browsers, clients and the gateway reach. */
  readonly listen: ListenAddress
  /** The port for the hand-off, replication, health and metrics. Must never be reachable from outside. */
  readonly internalListen: ListenAddress
  /** The origin that browsers see (for example the gateway's), without a trailing slash; also `iss` of every token. */
  readonly issuer: string
  /**
   * How many log lines per kind of refusal unauthenticated callers may cause at the public port. Default: unlimited.
   */
  readonly logSampling?: LineAllowance | undefined
  /** Default: no tracing. */
  readonly tracing?: TracingSettings | undefined
  /** An open database, which may be shared with other parts. */
  readonly database: Database
  /** The schema of this service's tables. Default `iam`. */
  readonly schema?: string
  /** The token that callers of the internal port must send in `gitlab-iam-auth-token`. */
  readonly internalToken: string
  /** 32 bytes, shared with the gateways: signs login and consent verifiers. */
  readonly verifierKey: Uint8Array
  /** Default `<issuer>/users/sign_in`. */
  readonly loginUrl?: string | undefined
  /** Default `<issuer>/-/iam/consent`. */
  readonly consentUrl?: string | undefined
  /** Reported on the internal port, so that others notice a new version. Default: not reported. */
  readonly version?: string | undefined
  /** Where usernames and passwords are checked. Without it the password grant is unsupported. */
  readonly resourceOwnerUrl?: string | undefined
  /** Default `opaque`. */
  readonly accessTokenFormat?: AccessTokenFormat
  /** `aud` of JWT access tokens. Default `gitlab-rails`. */
  readonly jwtAudience?: string
  /** Enables `/__lab/reset` and `/__lab/advance` on the public port. Default false. */
  readonly testControls?: boolean
  /** Rate limits for callers. Default: none. */
  readonly limits?: RequestLimitSettings | undefined
  /**
   * How many sign-ins started in the last ten minutes may wait for their user; further ones get 503. Also the maximum
   * number of older ones that are kept. Default: unlimited.
   */
  readonly maxOpenLogins?: number | undefined
  /** How many hours a sign-in or consent page can be answered. Default 24. */
  readonly challengeHours?: number | undefined
  /** The limit on guesses of device codes by one user; the device page applies the other limits. Default: none. */
  readonly userCodeLimits?: UserCodeLimits | undefined
  /** The proxies with a trusted X-Forwarded-For: CIDRs or addresses. Default: loopback and private networks. */
  readonly trustedProxies?: readonly string[] | undefined
  /** How many days a signing key signs; 0: until an operator rotates it. Default 90. */
  readonly signingKeyDays?: number
  /** Further protocol settings of the operator. */
  readonly protocol?: Omit<ProtocolSettings, 'issuer'>
}

/** `jwt` is a JWT after the access token's prefix; both formats are stored by hash, revocable and introspectable. */
export type AccessTokenFormat = 'opaque' | 'jwt'

/** A running IAM auth service. */
export interface RunningIam {
  /** `http://host:port` of the public port. */
  readonly url: string
  /** `http://host:port` of the internal port. */
  readonly internalUrl: string
  readonly address: ListenAddress
  readonly internalAddress: ListenAddress
  /** Stops accepting requests and waits for those in progress and the clean-up. The database stays open. */
  close(): Promise<void>
}
