import { derivedKey, seal, unseal } from '../../credentials/index.ts'
import { type Database, formatSwitch } from '../../storage/index.ts'
import { storedChallenge } from '../model/pkce.ts'
import { digestOf } from './digest.ts'
import { hasEnded } from './ended-subjects.ts'
import { SEALED_NONCES } from './migrations.ts'
import { namedBrief } from './statements.ts'

/** A stored authorization code. Times are milliseconds since the epoch. */
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

/**
 * The authorization codes of a schema. A code challenge of method `plain` is stored as its hash, and the nonce is
 * encrypted under a key derived from the code, which is not stored.
 */
export interface GrantStore {
  insert(code: string, grant: Omit<StoredGrant, 'codeHash' | 'usedAt'>): Promise<void>
  find(code: string): Promise<StoredGrant | undefined>
}

/** Opens the authorization codes of a schema. */
export function createGrantStore(database: Database, schema: string): GrantStore {
  const grants = `${schema}.grants`
  const maySeal = formatSwitch(database, schema, SEALED_NONCES)
  const sql = namedBrief(schema, {
    insertGrant: `insert into ${grants} (code_hash, application_id, subject, scopes, redirect_uri, code_challenge,
  code_challenge_method, nonce, sealed_nonce, family_id, created_at, expires_in)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    findGrant: `select g.code_hash as "codeHash", g.application_id as "applicationId", g.subject, g.scopes,
  redirect_uri as "redirectUri", code_challenge as "codeChallenge", code_challenge_method as "codeChallengeMethod",
  nonce, sealed_nonce as "sealedNonce", family_id as "familyId",
  (extract(epoch from created_at) * 1000)::float8 as "createdAt",
  expires_in as "expiresIn", (extract(epoch from used_at) * 1000)::float8 as "usedAt"
from ${grants} g left join ${hasEnded(schema, 'g')} where g.code_hash = $1 and ended.subject is null`,
  })
  return {
    async insert(code, grant) {
      const challenge = storedChallenge(grant.codeChallenge, grant.codeChallengeMethod)
      const isSealed = grant.nonce !== null && (await maySeal())
      await database.query(sql.insertGrant, [
        digestOf(code),
        grant.applicationId,
        grant.subject,
        grant.scopes,
        grant.redirectUri,
        challenge.codeChallenge,
        challenge.codeChallengeMethod,
        isSealed ? null : grant.nonce,
        isSealed ? sealedNonce(code, grant.nonce) : null,
        grant.familyId,
        new Date(grant.createdAt),
        grant.expiresIn,
      ])
    },
    async find(code) {
      const [row] = await database.query<StoredGrant & { readonly sealedNonce: Buffer | null }>(sql.findGrant, [
        digestOf(code),
      ])
      if (row === undefined) return undefined
      const { sealedNonce, ...grant } = row
      return sealedNonce === null ? grant : { ...grant, nonce: openedNonce(code, sealedNonce) }
    },
  }
}

const NONCE = 'nonce of an authorization code'

function sealedNonce(code: string, nonce: string): Buffer {
  return seal(Buffer.from(nonce), derivedKey(code, NONCE), NONCE)
}

function openedNonce(code: string, sealed: Buffer): string {
  return unseal(sealed, derivedKey(code, NONCE), NONCE).toString()
}
