import type {
  Claim,
  DoorkeeperVersion,
  InstancePolicy,
  RequestLimitSettings,
  TokenSettings,
  UserCodeLimits,
} from '../authorization-server/index.ts'
import type { ListenAddress } from '../http/index.ts'
import type { TracingSettings } from '../observability/index.ts'
import type { Database } from '../storage/index.ts'
import type { SeedDocument } from './seed.ts'
import type { SignInLimits } from './users/sign-in-throttle.ts'

/** The validated settings of the monolith. */
export interface MonolithSettings {
  readonly listen: ListenAddress
  /** Where metrics are served, which must not be public. Default: nowhere. */
  readonly metricsListen?: ListenAddress | undefined
  /** The public origin at which clients and browsers reach this server. */
  readonly issuer: string
  /** The version of Doorkeeper whose behaviour is reproduced. Default 5.9. */
  readonly doorkeeperVersion?: DoorkeeperVersion | undefined
  /** Default: no tracing. */
  readonly tracing?: TracingSettings | undefined
  readonly database: Database
  /** The schema of the monolith's tables; the protocol core's are in `<schema>_oauth`. Default `monolith`. */
  readonly schema?: string | undefined
  /** The initial users and applications. */
  readonly seed?: SeedDocument | undefined
  /** The internal port of the IAM auth service. Without it nothing is handed off, and IAM's tokens are rejected. */
  readonly iam?: { readonly internalUrl: string; readonly token: string } | undefined
  /** The control plane to which applications are replicated. */
  readonly control?: { readonly url: string; readonly token: string } | undefined
  /** Rate limits for callers. Default: only password guesses are limited. */
  readonly limits?:
    | {
        readonly requests?: RequestLimitSettings | undefined
        readonly signIn?: SignInLimits | undefined
        readonly userCodes?: UserCodeLimits | undefined
      }
    | undefined
  /**
   * Shows the requesting client and its scopes before a device is approved (RFC 8628 §5.4). Default false, as in
   * Doorkeeper.
   */
  readonly confirmDevice?: boolean | undefined
  /** The proxies with a trusted X-Forwarded-For: CIDRs or addresses. Default: loopback and private networks. */
  readonly trustedProxies?: readonly string[] | undefined
  /** The token of user administrators at `/api/v4/users`. Without it that API is disabled. */
  readonly adminToken?: string | undefined
  /** Enables /__lab/reset and /__lab/advance, and stores the passwords of new users at the lowest cost. */
  readonly testControls?: boolean | undefined
  /**
   * 32 bytes from which the session key is derived and with which the signing key is encrypted. Default: both are
   * stored in clear.
   */
  readonly stateKey?: Uint8Array | undefined
  /**
   * The claims that are disclosed, which must be the same on IAM. Default: `DEFAULT_CLAIMS` of the authorization
   * server.
   */
  readonly claims?: readonly Claim[] | undefined
  /** What is issued and for how long, which must be the same on IAM. Default: GitLab's. */
  readonly tokens?: TokenSettings | undefined
  /** Rules for clients in addition to Doorkeeper's. Default: none. */
  readonly policy?: InstancePolicy | undefined
  /**
   * Within this many seconds after its use, a refresh token or code that is sent again counts as a repeated request.
   * Default 10.
   */
  readonly reuseGraceSeconds?: number | undefined
}
