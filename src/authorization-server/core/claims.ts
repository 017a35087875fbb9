import type { ClaimValue, ResourceOwner } from '../model/resource-owner.ts'

/** A claim that may be disclosed about users; the order of the list is the order on the wire. */
export interface Claim {
  readonly name: string
  /** The scope required in addition to `openid`; undefined when `openid` is enough. */
  readonly scope: string | undefined
  /** Whether ID tokens include it too; userinfo always does. */
  readonly inIdToken: boolean
}

/**
 * The claims disclosed by default: standard claims (OpenID Connect Core §5.1) and `groups`, with the scopes that GitLab
 * requires. This lists claim names; the platform decides whether a user has a value.
 */
export const DEFAULT_CLAIMS: readonly Claim[] = [
  { name: 'name', scope: undefined, inIdToken: false },
  { name: 'nickname', scope: undefined, inIdToken: false },
  { name: 'preferred_username', scope: undefined, inIdToken: false },
  { name: 'email', scope: 'email', inIdToken: true },
  { name: 'email_verified', scope: 'email', inIdToken: true },
  { name: 'website', scope: undefined, inIdToken: false },
  { name: 'profile', scope: undefined, inIdToken: false },
  { name: 'picture', scope: undefined, inIdToken: false },
  { name: 'groups', scope: undefined, inIdToken: false },
]

/** The claims that every user document contains as separate fields. */
const OWN_FIELDS: ReadonlyMap<string, (owner: ResourceOwner) => string> = new Map([
  ['name', (owner: ResourceOwner) => owner.name],
  ['nickname', (owner: ResourceOwner) => owner.username],
  ['preferred_username', (owner: ResourceOwner) => owner.username],
  ['email', (owner: ResourceOwner) => owner.email],
])

/**
 * The claims of a user that these scopes disclose, in order. A claim is absent when the platform supplies no value,
 * null or the empty string (OpenID Connect Core §5.3.2).
 */
export function shownClaims(
  claims: readonly Claim[],
  owner: ResourceOwner,
  scopes: ReadonlySet<string>,
): ReadonlyArray<readonly [name: string, value: ClaimValue]> {
  return claims.flatMap(({ name, scope }) => {
    if (scope !== undefined && !scopes.has(scope)) return []
    const value = Object.hasOwn(owner.claims, name) ? owner.claims[name] : OWN_FIELDS.get(name)?.(owner)
    return value === undefined || value === null || value === '' ? [] : [[name, value] as const]
  })
}
