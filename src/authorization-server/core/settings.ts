import type { Policy } from '../../applications/index.ts'
import type { InstancePolicy } from '../clients/policy.ts'
import { isPasswordGrantOffered, type ResolvedPolicy, resolvePolicy } from '../clients/policy.ts'
import type { SigningAlgorithm } from '../keys/algorithms.ts'
import type { KeyPolicy, SigningKeySettings } from '../keys/schedule.ts'
import type { SealingKeys } from '../keys/sealing.ts'
import type { DoorkeeperVersion } from '../model/compatibility.ts'
import { compatibilityWith, type DoorkeeperCompatibility } from '../model/compatibility.ts'
import type { Claim } from './claims.ts'
import { DEFAULT_CLAIMS } from './claims.ts'

/** Settings of the operator. Only the issuer has no default. */
export interface Settings {
  readonly issuer: string
  /** The version of Doorkeeper whose behaviour is reproduced. Default 5.9. */
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
  /** Scopes in addition to the default ones, in the order discovery lists them. Default: GitLab's. */
  readonly optionalScopes?: readonly string[]
  /** Scopes with a variable part (`user:*`), which discovery does not list. Default none. */
  readonly dynamicScopes?: readonly string[]
  /** The realm in `WWW-Authenticate` (RFC 9110 §11.5). Default `Doorkeeper`. */
  readonly realm?: string
  /**
   * Where users enter a device's code: an absolute URL, or a path on the origin of the device's request. Default
   * `/oauth/device`.
   */
  readonly verificationUri?: string
  /** Origin of the endpoints in discovery. Default: the origin of the request, as https. */
  readonly endpointOrigin?: string
  /**
   * The claims that are disclosed; must be the same on every server with this issuer. Default: {@link DEFAULT_CLAIMS}.
   */
  readonly claims?: readonly Claim[] | undefined
  /** Allows the password grant without a client. Default false. */
  readonly passwordGrantWithoutClient?: boolean
  /** Rules for clients in addition to Doorkeeper's. Default: none. */
  readonly policy?: InstancePolicy | undefined
  /**
   * Within this many seconds after its use, a refresh token or code that is sent again counts as a repeated request.
   * Default 10.
   */
  readonly reuseGraceSeconds?: number | undefined
  /** 32 bytes that encrypt the signing keys at rest; without it they are stored in clear. */
  readonly sealingKey?: Uint8Array | undefined
  /** Decrypts keys that the key above cannot; they are then encrypted with the key above. */
  readonly previousSealingKey?: Uint8Array | undefined
  /** The algorithm for JWT access tokens, used once its key has been published for the lead time. Default RS256. */
  readonly accessTokenAlgorithm?: SigningAlgorithm | undefined
  /** Default: one key forever, as in Doorkeeper. */
  readonly signingKeys?: SigningKeySettings | undefined
}

/** The settings that determine what is issued and for how long; must be the same on every server with this issuer. */
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

/** Settings with every default filled in. */
export interface ResolvedSettings {
  readonly issuer: string
  readonly accessTokenLifetime: number
  readonly codeLifetime: number
  readonly idTokenLifetime: number
  readonly deviceCodeLifetime: number
  readonly deviceInterval: number
  readonly defaultScopes: readonly string[]
  /** The scopes that discovery lists. */
  readonly listedScopes: readonly string[]
  /** The scopes that may be requested. */
  readonly serverScopes: readonly string[]
  readonly verificationUri: string
  readonly endpointOrigin: string | undefined
  readonly claims: readonly Claim[]
  readonly passwordGrantWithoutClient: boolean
  readonly policy: ResolvedPolicy
  /** The policy of clients without one of their own, which discovery reflects. */
  readonly defaultPolicy: Policy
  readonly passwordGrantOffered: boolean
  readonly reuseGraceSeconds: number
  readonly sealingKeys: SealingKeys
  readonly keyPolicy: KeyPolicy
  readonly accessTokenAlgorithm: SigningAlgorithm
  readonly compatibility: DoorkeeperCompatibility
}

const OPTIONAL_SCOPES = ['read_user', 'read_api', 'openid', 'profile', 'email', 'read_repository', 'write_repository']

/** Fills in GitLab's defaults for the chosen version of Doorkeeper. */
export function resolveSettings(settings: Settings): ResolvedSettings {
  const defaultScopes = settings.defaultScopes ?? ['api']
  const policy = resolvePolicy(settings.policy)
  const listedScopes = [...defaultScopes, ...(settings.optionalScopes ?? OPTIONAL_SCOPES)]
  return {
    issuer: settings.issuer,
    accessTokenLifetime: settings.accessTokenLifetime ?? 7_200,
    codeLifetime: settings.codeLifetime ?? 600,
    idTokenLifetime: settings.idTokenLifetime ?? 120,
    deviceCodeLifetime: settings.deviceCodeLifetime ?? 300,
    deviceInterval: settings.deviceInterval ?? 5,
    defaultScopes,
    listedScopes,
    serverScopes: [...listedScopes, ...(settings.dynamicScopes ?? [])],
    verificationUri: settings.verificationUri ?? '/oauth/device',
    endpointOrigin: settings.endpointOrigin,
    claims: settings.claims ?? DEFAULT_CLAIMS,
    passwordGrantWithoutClient: settings.passwordGrantWithoutClient ?? false,
    policy,
    defaultPolicy: policy.general,
    passwordGrantOffered: isPasswordGrantOffered(policy),
    reuseGraceSeconds: settings.reuseGraceSeconds ?? 10,
    sealingKeys: [settings.sealingKey, settings.previousSealingKey].filter((key) => key !== undefined),
    keyPolicy: keyPolicy(settings),
    accessTokenAlgorithm: settings.accessTokenAlgorithm ?? 'RS256',
    compatibility: compatibilityWith(settings.doorkeeperVersion ?? '5.9', settings.realm),
  }
}

const STALE_SECONDS = 300
/** Clients may cache a key set for a day. */
const LEAD_SECONDS = 172_800
const MARGIN_SECONDS = 600

/** A key outlives what it signed: a process with an outdated view may sign a little longer, and clocks differ. */
function keyPolicy(settings: Settings): KeyPolicy {
  const { signingKeys, accessTokenAlgorithm, accessTokenLifetime = 7_200, idTokenLifetime = 120 } = settings
  const { lifetimeSeconds, leadSeconds = LEAD_SECONDS, staleSeconds = STALE_SECONDS } = signingKeys ?? {}
  const keepSeconds =
    signingKeys?.keepSeconds ?? Math.max(accessTokenLifetime, idTokenLifetime) + staleSeconds + MARGIN_SECONDS
  return {
    algorithms: [...new Set<SigningAlgorithm>(['RS256', accessTokenAlgorithm ?? 'RS256'])],
    lifetime: lifetimeSeconds === undefined ? undefined : lifetimeSeconds * 1_000,
    lead: leadSeconds * 1_000,
    keep: keepSeconds * 1_000,
    stale: staleSeconds * 1_000,
  }
}
