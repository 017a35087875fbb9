import type {
  Settings as ProtocolSettings,
  RequestLimitSettings,
  UserCodeLimits,
} from '../authorization-server/index.ts'
import type { ListenAddress } from '../http/index.ts'
import type { LineAllowance, TracingSettings } from '../observability/index.ts'
import type { Database } from '../storage/index.ts'

/** What an IAM auth service is started with: values that have been checked. */
export interface IamSettings {
  /** The public port: what browsers, clients and the gateway reach. */
  readonly listen: ListenAddress
  /** The port of the hand-off, replication, health and metrics. Never to be reachable from outside. */
  readonly internalListen: ListenAddress
  /** The origin that browsers see, without a trailing slash, e.g. the gateway's; also `iss` of every token. */
  readonly issuer: string
  /** How many log lines of each kind of refusal strangers may cause at the public port. None: no bound. */
  readonly logNoise?: LineAllowance | undefined
  /** Default: traces are no matter of this service. */
  readonly tracing?: TracingSettings | undefined
  /** Opened already; other parts may use it too. */
  readonly database: Database
  /** Where this service keeps its tables. Default `iam`. */
  readonly schema?: string
  /** What callers of the internal port must send in `gitlab-iam-auth-token`. */
  readonly internalToken: string
  /** 32 bytes, held by the gateways too: signs login and consent verifiers. */
  readonly verifierKey: Uint8Array
  /** Default `<issuer>/users/sign_in`. */
  readonly loginUrl?: string | undefined
  /** Default `<issuer>/-/iam/consent`. */
  readonly consentUrl?: string | undefined
  /** Where a username and password are checked. Without it the password grant is unsupported. */
  readonly resourceOwnerUrl?: string | undefined
  /** Default `opaque`. */
  readonly accessTokenFormat?: AccessTokenFormat
  /** `aud` of JWT access tokens. Default `gitlab-rails`. */
  readonly jwtAudience?: string
  /** Opens `/__lab/reset` and `/__lab/advance` on the public port. Default false. */
  readonly testControls?: boolean
  /** What callers may do how often. Default: as often as they like. */
  readonly limits?: RequestLimitSettings | undefined
  /**
   * How many sign-ins of the last ten minutes may wait for their user; further ones are answered 503. As many older ones
   * are kept, at most. Default: any number.
   */
  readonly maxOpenLogins?: number | undefined
  /** For how many hours a sign-in or consent page can be answered. Default 24. */
  readonly challengeHours?: number | undefined
  /** How often one user may guess device codes; the other limits are the device page's. Default: as often as they like. */
  readonly userCodeLimits?: UserCodeLimits | undefined
  /** Whose X-Forwarded-For is believed: CIDRs or addresses. Default: loopback and private networks. */
  readonly trustedProxies?: readonly string[] | undefined
  /** A signing key signs for so many days; 0: until somebody asks for another. Default 90. */
  readonly signingKeyDays?: number
  /** What else the operator decides about the protocol. */
  readonly protocol?: Omit<ProtocolSettings, 'issuer'>
}

/** `jwt` is a signed one behind the access token's prefix; both kinds are kept by their hash, revocable and introspectable. */
export type AccessTokenFormat = 'opaque' | 'jwt'

/** An IAM auth service that is serving. */
export interface RunningIam {
  /** `http://host:port` of the public port. */
  readonly url: string
  /** `http://host:port` of the internal port. */
  readonly internalUrl: string
  readonly address: ListenAddress
  readonly internalAddress: ListenAddress
  /** Stops accepting, lets requests and the clean-up under way finish. The database stays open. */
  close(): Promise<void>
}
