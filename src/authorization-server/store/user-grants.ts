import type { Database } from '../../storage/index.ts'
import { hasEnded } from './ended-subjects.ts'
import type { StoreScope } from './statements.ts'
import { named } from './statements.ts'

/** The unrevoked tokens of one user, one application and one set of scopes, combined. */
export interface Grant {
  /** The application's id. */
  readonly id: number
  readonly clientId: string
  /** The application's name. */
  readonly name: string
  /** The scope text of the tokens. */
  readonly scope: string
  /** When the newest of the tokens was issued. */
  readonly createdAt: Date
}

/** The number of credentials revoked for one user and one application. */
export interface RevokedGrants {
  readonly tokens: number
  readonly codes: number
  readonly deviceCodes: number
}

/** The applications that users have authorized. */
export interface UserGrants {
  /** Newest first, at most 1,000; with `clientId`, only that application's. */
  list(ownerId: string, clientId?: string): Promise<Grant[]>
  /**
   * Revokes every token, code and approved device of a user and an application, including those that a concurrent
   * request creates from one of them. An unknown application has none.
   */
  revoke(ownerId: string, clientId: string, within: StoreScope): Promise<RevokedGrants>
}

const MOST = 1_000

/** Opens the grants in the tables of `schema`. */
export function createUserGrantStore(database: Database, schema: string): UserGrants {
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
      // Codes and devices first: an in-flight exchange commits its tokens before they are searched for.
      const codes = (await within.query(sql.revokedUserCodes, of)).length
      const deviceCodes = (await within.query(sql.revokedUserDevices, of)).length
      return { tokens: await revokeTokens(within, of), codes, deviceCodes }
    },
  }

  /** An update skips a token when its rotation commits while the update waits, and does not see the successor. */
  async function revokeTokens(within: StoreScope, of: readonly string[]): Promise<number> {
    for (let revoked = 0; ; ) {
      revoked += (await within.query(sql.revokedUserTokens, [...of, new Date()])).length
      const [left] = await within.query<{ lives: boolean }>(sql.userTokensLeft, of)
      if (left?.lives !== true) return revoked
    }
  }
}
