import { createHash } from 'node:crypto'
import type { Claim } from './ports.ts'

/**
 * The claims of the recording, in their order. Both servers use this list with the same issuer, so that a user looks the
 * same whichever of them answers. `sub` and the protocol's own claims are not part of it.
 */
export function defaultClaims(issuer: string): readonly Claim[] {
  return [
    {
      name: 'sub_legacy',
      inIdToken: true,
      value: (owner) => createHash('sha256').update(`${owner.id}-lab`).digest('hex'),
    },
    { name: 'name', inIdToken: false, value: (owner) => owner.name },
    { name: 'nickname', inIdToken: false, value: (owner) => owner.username },
    { name: 'preferred_username', inIdToken: false, value: (owner) => owner.username },
    { name: 'email', inIdToken: true, value: (owner, scopes) => (scopes.has('email') ? owner.email : undefined) },
    { name: 'email_verified', inIdToken: true, value: (_, scopes) => (scopes.has('email') ? true : undefined) },
    { name: 'profile', inIdToken: false, value: (owner) => `${issuer}/${owner.username}` },
    { name: 'picture', inIdToken: false, value: (owner) => `${issuer}/uploads/${owner.username}.png` },
    { name: 'groups', inIdToken: false, value: () => ['lab', 'lab/sub'] },
  ]
}
