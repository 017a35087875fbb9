import type { Policy } from '../../applications/index.ts'
import { isPasswordGrantOffered, type ResolvedPolicy, resolvePolicy } from '../clients/policy.ts'
import type { SigningAlgorithm } from '../keys/algorithms.ts'
import type { KeyPolicy } from '../keys/schedule.ts'
import type { SealingKeys } from '../keys/sealing.ts'
import { type Dialect, dialectFor } from '../model/dialect.ts'
import type { Claim, Settings } from '../model/ports.ts'
import { DEFAULT_CLAIMS } from './claims.ts'

/** Settings with every default filled in. */
export interface ResolvedSettings {
  readonly issuer: string
  readonly accessTokenLifetime: number
  readonly codeLifetime: number
  readonly idTokenLifetime: number
  readonly deviceCodeLifetime: number
  readonly deviceInterval: number
  readonly defaultScopes: readonly string[]
  /** What discovery lists. */
  readonly listedScopes: readonly string[]
  /** What may be asked for. */
  readonly serverScopes: readonly string[]
  readonly verificationUri: string
  readonly endpointOrigin: string | undefined
  readonly claims: readonly Claim[]
  readonly passwordGrantWithoutClient: boolean
  readonly policy: ResolvedPolicy
  /** What a client is held to that nothing is said about, and what discovery tells. */
  readonly defaultPolicy: Policy
  readonly passwordGrantOffered: boolean
  readonly reuseGraceSeconds: number
  readonly sealingKeys: SealingKeys
  readonly keyPolicy: KeyPolicy
  readonly accessTokenAlgorithm: SigningAlgorithm
  readonly dialect: Dialect
}

const OPTIONAL_SCOPES = ['read_user', 'read_api', 'openid', 'profile', 'email', 'read_repository', 'write_repository']

/** Fills in GitLab's defaults, as the version of Doorkeeper that was chosen has them. */
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
    dialect: dialectFor(settings.doorkeeperVersion ?? '5.9', settings.realm),
  }
}

const STALE_SECONDS = 300
/** Clients may keep a key set for a day. */
const LEAD_SECONDS = 172_800
const MARGIN_SECONDS = 600

/** A key outlives whatever it signed: a process that goes by old news may sign a while longer, and clocks differ. */
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
