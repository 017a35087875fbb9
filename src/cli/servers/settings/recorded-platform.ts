import { createHash } from 'node:crypto'
import type { Claim } from '../../../authorization-server/index.ts'
import type { SeedDocument } from '../../../monolith/index.ts'

/** The claims that the recorded platform returns, in order. For `--test-controls` only. */
export const RECORDED_CLAIMS: readonly Claim[] = [
  { name: 'sub_legacy', scope: undefined, inIdToken: true },
  { name: 'name', scope: undefined, inIdToken: false },
  { name: 'nickname', scope: undefined, inIdToken: false },
  { name: 'preferred_username', scope: undefined, inIdToken: false },
  { name: 'email', scope: 'email', inIdToken: true },
  { name: 'email_verified', scope: 'email', inIdToken: true },
  { name: 'profile', scope: undefined, inIdToken: false },
  { name: 'picture', scope: undefined, inIdToken: false },
  { name: 'groups', scope: undefined, inIdToken: false },
]

/** The users of the recording (`test/fixtures/seed.json`), which has more claims for them than the seed. */
const RECORDED_USERS: ReadonlySet<string> = new Set(['1 alice alice@example.test', '2 bob bob@example.test'])

/**
 * Adds the recorded claims to the users of the recording, so that a server under test responds as the recorded
 * platform did. For `--test-controls` only; users with their own claims, and all other users, are unchanged.
 */
export function withRecordedClaims(seed: SeedDocument, issuer: string): SeedDocument {
  const users = seed.users.map((user) => {
    const isRecorded = RECORDED_USERS.has(`${user.id} ${user.username} ${user.email}`)
    if (user.claims !== undefined || !isRecorded) return user
    const claims = {
      sub_legacy: createHash('sha256').update(`${user.id}-lab`).digest('hex'),
      email_verified: true,
      profile: `${issuer}/${user.username}`,
      picture: `${issuer}/uploads/${user.username}.png`,
      groups: ['lab', 'lab/sub'],
    }
    return { ...user, claims }
  })
  return { ...seed, users }
}
