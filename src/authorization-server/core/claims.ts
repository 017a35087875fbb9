import type { ClaimValue, ResourceOwner } from '../model/resource-owner.ts'

/** A claim that may be shown of users; the order of the list is the order on the wire. */
export interface Claim {
  readonly name: string
  /** The scope that shows it, beside `openid`; undefined when that is enough. */
  readonly scope: string | undefined
  /** Whether ID tokens hold it too; userinfo shows it in any case. */
  readonly inIdToken: boolean
}

/**
 * What is shown of a user unless the operator decides otherwise: standard claims (OpenID Connect Core §5.1) and
 * `groups`, with the scopes under which GitLab shows them. This names claims; whether a user has one is for the
 * platform to say.
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

/** The claims that every user document carries in fields of their own. */
const OWN_FIELDS: ReadonlyMap<string, (owner: ResourceOwner) => string> = new Map([
  ['name', (owner: ResourceOwner) => owner.name],
  ['nickname', (owner: ResourceOwner) => owner.username],
  ['preferred_username', (owner: ResourceOwner) => owner.username],
  ['email', (owner: ResourceOwner) => owner.email],
])

/**
 * The claims of a user that these scopes show, in their order. A claim that the platform has not supplied, or supplied
 * as null or as the empty string, is absent (OpenID Connect Core §5.3.2).
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
