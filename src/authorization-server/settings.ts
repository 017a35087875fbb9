import { defaultClaims } from './claims.ts'
import { DIALECTS, type Dialect } from './dialect.ts'
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
  readonly refreshReuse: { readonly graceSeconds: number } | undefined
  readonly codeReplay: { readonly graceSeconds: number } | undefined
  readonly sealingKey: Uint8Array | undefined
  readonly dialect: Dialect
}

const OPTIONAL_SCOPES = ['read_user', 'read_api', 'openid', 'profile', 'email', 'read_repository', 'write_repository']

/** Fills in GitLab's defaults, as the version of Doorkeeper that was chosen has them. */
export function resolveSettings(settings: Settings): ResolvedSettings {
  const defaultScopes = settings.defaultScopes ?? ['api']
  const listedScopes = [...defaultScopes, ...(settings.optionalScopes ?? OPTIONAL_SCOPES)]
  return {
    issuer: settings.issuer,
    accessTokenLifetime: settings.accessTokenLifetime ?? 7_200,
    codeLifetime: settings.codeLifetime ?? 600,
    deviceCodeLifetime: settings.deviceCodeLifetime ?? 300,
    deviceInterval: settings.deviceInterval ?? 5,
    defaultScopes,
    listedScopes,
    serverScopes: [...listedScopes, ...(settings.dynamicScopes ?? ['user:*'])],
    verificationUri: settings.verificationUri ?? '/oauth/device',
    endpointOrigin: settings.endpointOrigin,
    claims: settings.claims ?? defaultClaims(settings.issuer),
    passwordGrantWithoutClient: settings.passwordGrantWithoutClient ?? false,
    refreshReuse: settings.revokeFamilyOnRefreshReuse,
    codeReplay: settings.revokeFamilyOnCodeReplay,
    sealingKey: settings.sealingKey,
    dialect: DIALECTS[settings.doorkeeperVersion ?? '5.9'],
  }
}
