import { createHash } from 'node:crypto'
import type { Claim } from '../../../authorization-server/index.ts'
import type { SeedDocument } from '../../../monolith/index.ts'

/** The claims that the recorded platform shows, in their order. For `--test-controls` alone. */
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

/** The users of the recording (`test/fixtures/seed.json`), of whom more is recorded than their seed says. */
const RECORDED_USERS: ReadonlySet<string> = new Set(['1 alice alice@example.test', '2 bob bob@example.test'])

/**
 * A seed with what was recorded of the recording's own users, so that a server under test answers as the recorded
 * platform did. For `--test-controls` alone; users who bring claims, and all others, stay as they are.
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
