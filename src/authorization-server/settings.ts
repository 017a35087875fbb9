import type { Policy } from '../applications/index.ts'
import { defaultClaims } from './claims.ts'
import { DIALECTS, type Dialect } from './dialect.ts'
import { isPasswordGrantOffered, type ResolvedPolicy, resolvePolicy } from './policy.ts'
import type { Claim, Settings } from './ports.ts'

/** Settings with every default filled in. */
export interface ResolvedSettings {
  readonly issuer: string
  readonly accessTokenLifetime: number
  readonly codeLifetime: number
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
  readonly sealingKey: Uint8Array | undefined
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
    deviceCodeLifetime: settings.deviceCodeLifetime ?? 300,
    deviceInterval: settings.deviceInterval ?? 5,
    defaultScopes,
    listedScopes,
    serverScopes: [...listedScopes, ...(settings.dynamicScopes ?? [])],
    verificationUri: settings.verificationUri ?? '/oauth/device',
    endpointOrigin: settings.endpointOrigin,
    claims: settings.claims ?? defaultClaims(settings.issuer),
    passwordGrantWithoutClient: settings.passwordGrantWithoutClient ?? false,
    policy,
    defaultPolicy: policy.general,
    passwordGrantOffered: isPasswordGrantOffered(policy),
    reuseGraceSeconds: settings.reuseGraceSeconds ?? 10,
    sealingKey: settings.sealingKey,
    dialect: DIALECTS[settings.doorkeeperVersion ?? '5.9'],
  }
}
