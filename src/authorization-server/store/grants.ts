import type { Database } from '../../storage/index.ts'
import { digestOf } from './digest.ts'
import { hasEnded } from './ended-subjects.ts'
import { namedBrief } from './statements.ts'

/** An authorization code as stored. Times are milliseconds since the epoch. */
export interface StoredGrant {
  readonly codeHash: Buffer
  readonly applicationId: number
  readonly subject: string
  readonly scopes: string
  readonly redirectUri: string
  readonly codeChallenge: string | null
  readonly codeChallengeMethod: string | null
  readonly nonce: string | null
  readonly familyId: string
  readonly createdAt: number
  readonly expiresIn: number
  readonly usedAt: number | null
}

/** The authorization codes of a schema. */
export interface GrantStore {
  insert(code: string, grant: Omit<StoredGrant, 'codeHash' | 'usedAt'>): Promise<void>
  find(code: string): Promise<StoredGrant | undefined>
}

/** Opens the authorization codes of a schema. */
export function createGrantStore(database: Database, schema: string): GrantStore {
  const grants = `${schema}.grants`
  const sql = namedBrief(schema, {
    insertGrant: `insert into ${grants} (code_hash, application_id, subject, scopes, redirect_uri, code_challenge,
  code_challenge_method, nonce, family_id, created_at, expires_in)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    findGrant: `select g.code_hash as "codeHash", g.application_id as "applicationId", g.subject, g.scopes,
  redirect_uri as "redirectUri", code_challenge as "codeChallenge", code_challenge_method as "codeChallengeMethod",
  nonce, family_id as "familyId", (extract(epoch from created_at) * 1000)::float8 as "createdAt",
  expires_in as "expiresIn", (extract(epoch from used_at) * 1000)::float8 as "usedAt"
from ${grants} g left join ${hasEnded(schema, 'g')} where g.code_hash = $1 and ended.subject is null`,
  })
  return {
    async insert(code, grant) {
      await database.query(sql.insertGrant, [
        digestOf(code),
        grant.applicationId,
        grant.subject,
        grant.scopes,
        grant.redirectUri,
        grant.codeChallenge,
        grant.codeChallengeMethod,
        grant.nonce,
        grant.familyId,
        new Date(grant.createdAt),
        grant.expiresIn,
      ])
    },
    find: async (code) => (await database.query<StoredGrant>(sql.findGrant, [digestOf(code)]))[0],
  }
}
