import type { Database } from '../../storage/index.ts'
import type { GrantedApplication } from '../contract.ts'
import { named } from './statements.ts'

/** Reads what a user has let applications do: the scopes of all their unrevoked tokens, an application each. */
export function createAuthorizationReader(database: Database, schema: string) {
  const sql = named(schema, {
    grantedApplications: `select a.id, a.client_id as "clientId", a.name, array_agg(distinct s.scope order by s.scope) as scopes
from ${schema}.tokens t join ${schema}.applications a on a.id = t.application_id,
  unnest(string_to_array(t.scopes, ' ')) as s (scope)
where t.subject = $1 and t.revoked_at is null and s.scope <> ''
group by a.id, a.client_id, a.name order by a.name, a.id`,
  })
  return (subject: string): Promise<GrantedApplication[]> =>
    database.query<GrantedApplication>(sql.grantedApplications, [subject])
}
