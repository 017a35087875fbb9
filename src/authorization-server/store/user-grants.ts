import type { Database } from '../../storage/index.ts'
import type { AuthorizationServer, Grant, StoreScope } from '../model/contract.ts'
import { hasEnded } from './ended-subjects.ts'
import { named } from './statements.ts'

const MOST = 1_000

/** What users have let applications do; see `AuthorizationServer.grants`. */
export function createUserGrantStore(database: Database, schema: string): AuthorizationServer['grants'] {
  const tokens = `${schema}.tokens`
  const whose = `subject = $1 and application_id = (select id from ${schema}.applications where client_id = $2)`
  const sql = named(schema, {
    userGrants: `select a.id, a.client_id as "clientId", a.name, t.scopes as scope, t.created_at as "createdAt"
from (
  select t.application_id, t.scopes, max(t.created_at) as created_at
  from ${tokens} t left join ${hasEnded(schema, 't')}
  where t.subject = $1 and t.revoked_at is null and ended.subject is null group by t.application_id, t.scopes
) t
join ${schema}.applications a on a.id = t.application_id
where $2::text is null or a.client_id = $2
order by t.created_at desc, a.id, t.scopes limit ${MOST}`,
    revokedUserCodes: `delete from ${schema}.grants where ${whose} and used_at is null returning 1`,
    revokedUserDevices: `delete from ${schema}.device_grants where ${whose} returning 1`,
    revokedUserTokens: `update ${tokens} set revoked_at = $3, revoke_reason = 'revoked'
where ${whose} and revoked_at is null returning 1`,
    userTokensLeft: `select exists (select from ${tokens} where ${whose} and revoked_at is null) as lives`,
  })
  return {
    list: (ownerId, clientId) => database.query<Grant>(sql.userGrants, [ownerId, clientId ?? null]),
    async revoke(ownerId, clientId, within) {
      const of = [ownerId, clientId]
      // Codes and devices first: an exchange that is under way commits its tokens before they are looked for.
      const codes = (await within.query(sql.revokedUserCodes, of)).length
      const deviceCodes = (await within.query(sql.revokedUserDevices, of)).length
      return { tokens: await revokeTokens(within, of), codes, deviceCodes }
    },
  }

  /** An update passes over a token whose rotation commits while it waits, and does not see the successor. */
  async function revokeTokens(within: StoreScope, of: readonly string[]): Promise<number> {
    for (let revoked = 0; ; ) {
      revoked += (await within.query(sql.revokedUserTokens, [...of, new Date()])).length
      const [left] = await within.query<{ lives: boolean }>(sql.userTokensLeft, of)
      if (left?.lives !== true) return revoked
    }
  }
}
