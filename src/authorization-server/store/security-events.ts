import type { Database } from '../../storage/index.ts'
import type { CredentialReuse, SecurityEvent } from '../model/security-event.ts'
import { named } from './statements.ts'

/** A stored security event. */
export type StoredSecurityEvent = SecurityEvent & {
  readonly id: number
  /** By the database's clock. */
  readonly occurredAt: Date
}

/** What is known about a credential that was used twice. Times are milliseconds since the epoch. */
export interface ReuseEvidence {
  readonly kind: CredentialReuse['kind']
  readonly familyId: string
  readonly applicationId: number | null
  readonly subject: string | null
  readonly firstUsedAt: number
}

/** The security events of a schema: written once, never changed, purged by age. */
export interface SecurityEventStore {
  /**
   * Revokes a family and records the event in one statement; undefined when the family is already revoked and recorded.
   */
  endFamily(evidence: ReuseEvidence, now: number): Promise<CredentialReuse | undefined>
  /** At most 1,000 events since `since`, oldest first. */
  list(since: Date): Promise<StoredSecurityEvent[]>
}

const REASONS: Readonly<Record<CredentialReuse['kind'], string>> = {
  refresh_token_reuse: 'reuse',
  authorization_code_replay: 'code_replay',
}

const MOST = 1_000
const COLUMNS = `kind, client_id as "clientId", application_id as "applicationId", subject, family_id as "familyId",
  tokens_revoked as "tokensRevoked", (extract(epoch from first_used_at) * 1000)::float8 as "firstUsedAt"`

/** Opens the security events of a schema. */
export function createSecurityEventStore(database: Database, schema: string): SecurityEventStore {
  const events = `${schema}.security_events`
  const sql = named(schema, {
    endFamily: `with ended as materialized (select ${schema}.revoke_family($1, $2, $3) as revoked)
insert into ${events} (kind, application_id, client_id, subject, family_id, tokens_revoked, first_used_at)
select $4, $5::bigint, (select client_id from ${schema}.applications where id = $5), $6, $1, revoked, $7 from ended
where revoked > 0 or not exists (select from ${events} where family_id = $1 and kind = $4)
returning ${COLUMNS}`,
    listSecurityEvents: `select id, occurred_at as "occurredAt", ${COLUMNS}
from ${events} where occurred_at >= $1 order by occurred_at, id limit ${MOST}`,
  })
  return {
    async endFamily({ kind, familyId, applicationId, subject, firstUsedAt }, now) {
      const revocation = [familyId, REASONS[kind], new Date(now)]
      const values = [...revocation, kind, applicationId, subject, new Date(firstUsedAt)]
      return (await database.query<CredentialReuse>(sql.endFamily, values))[0]
    },
    list: (since) => database.query<StoredSecurityEvent>(sql.listSecurityEvents, [since]),
  }
}
