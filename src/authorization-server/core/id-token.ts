import type { ResourceOwner } from '../model/resource-owner.ts'
import { shownClaims } from './claims.ts'
import type { Core } from './core.ts'

/** The contents of an ID token. */
export interface IdTokenSubject {
  readonly owner: ResourceOwner
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly nonce: string | undefined
  /** Seconds since the epoch. */
  readonly issuedAt: number
}

/** Signs an ID token: no at_hash, claims in the recorded order (OpenID Connect Core §2; docs/doorkeeper.md, 41). */
export function idToken(core: Core, about: IdTokenSubject): Promise<string> {
  const claims: Record<string, unknown> = {
    iss: core.settings.issuer,
    sub: about.owner.id,
    aud: about.clientId,
    exp: about.issuedAt + core.settings.idTokenLifetime,
    iat: about.issuedAt,
  }
  if (about.nonce !== undefined) claims['nonce'] = about.nonce
  claims['auth_time'] = about.owner.authTime
  const held = core.settings.claims.filter((claim) => claim.inIdToken)
  return core.keys.signJwt({ ...claims, ...Object.fromEntries(shownClaims(held, about.owner, new Set(about.scopes))) })
}

/** The members of a userinfo answer, in order (OpenID Connect Core §5.3). */
export function userinfoClaims(core: Core, owner: ResourceOwner, scopes: readonly string[]): Record<string, unknown> {
  return { sub: owner.id, ...Object.fromEntries(shownClaims(core.settings.claims, owner, new Set(scopes))) }
}
