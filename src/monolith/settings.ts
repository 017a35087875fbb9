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

/** What the monolith is told, checked already. */
export interface MonolithSettings {
  readonly listen: ListenAddress
  /** Where metrics are served; not for the public. Without it nowhere. */
  readonly metricsListen?: ListenAddress | undefined
  /** The public origin under which clients and browsers know this server. */
  readonly issuer: string
  /** The version of Doorkeeper to answer as. Default 5.9. */
  readonly doorkeeperVersion?: DoorkeeperVersion | undefined
  /** Default: traces are no matter of the monolith. */
  readonly tracing?: TracingSettings | undefined
  readonly database: Database
  /** The schema of the monolith's tables; the protocol core's are in `<schema>_oauth`. Default `monolith`. */
  readonly schema?: string | undefined
  /** Users and applications to begin with. */
  readonly seed?: SeedDocument | undefined
  /** The internal port of the IAM auth service. Without it nothing is handed off, and no token of IAM's is accepted. */
  readonly iam?: { readonly internalUrl: string; readonly token: string } | undefined
  /** The control plane to tell of applications. */
  readonly control?: { readonly url: string; readonly token: string } | undefined
  /** What callers may do how often. Default: only guesses of passwords are held back. */
  readonly limits?:
    | {
        readonly requests?: RequestLimitSettings | undefined
        readonly signIn?: SignInLimits | undefined
        readonly userCodes?: UserCodeLimits | undefined
      }
    | undefined
  /** Shows which client asks for what before a device is let in (RFC 8628 §5.4). Default false, as Doorkeeper. */
  readonly confirmDevice?: boolean | undefined
  /** Whose X-Forwarded-For is believed: CIDRs or addresses. Default: loopback and private networks. */
  readonly trustedProxies?: readonly string[] | undefined
  /** What those who look after users show at `/api/v4/users/:id`. Without it that API is not there. */
  readonly adminToken?: string | undefined
  /** Opens /__lab/reset and /__lab/advance. */
  readonly testControls?: boolean | undefined
  /** 32 bytes from which the session key is made and with which the signing key is sealed. Default: both lie in the store. */
  readonly stateKey?: Uint8Array | undefined
  /** Which claims of users are shown, the same as on IAM. Default: `DEFAULT_CLAIMS` of the authorization server. */
  readonly claims?: readonly Claim[] | undefined
  /** What is issued, and for how long, the same as on IAM. Default: as GitLab has it. */
  readonly tokens?: TokenSettings | undefined
  /** What clients are held to beyond Doorkeeper's rules. Default: nothing. */
  readonly policy?: InstancePolicy | undefined
  /** For so long a refresh token or code that comes again counts as a repeated request. Default 10. */
  readonly reuseGraceSeconds?: number | undefined
}
