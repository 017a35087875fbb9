import type { GrantDocument } from '../../handoff/index.ts'
import { assertSchemaName, type Database, type Queryable } from '../../storage/index.ts'

/**
 * The grants that IAM last reported for users, and those that users have since made on our consent page. They are used
 * while IAM does not answer, so that users need not consent again after a rollback from a broken IAM.
 */
export interface RememberedGrants {
  /** Replaces what is remembered of a user or, with `clientId`, of a user and an application. */
  replace(ownerId: string, clientId: string | undefined, grants: readonly GrantDocument[]): Promise<void>
  /** Adds a grant that the user has just made. */
  add(ownerId: string, grant: Pick<GrantDocument, 'client_id' | 'client_name' | 'scope'>): Promise<void>
  list(ownerId: string, clientId?: string): Promise<GrantDocument[]>
  forget(ownerId: string, clientId: string, within: Queryable): Promise<void>
  /** Forgets everything about a user whose tokens end on both sides. */
  forgetUser(ownerId: string, within: Queryable): Promise<void>
  /** For tests: forgets all of them. */
  reset(): Promise<void>
}

/** The table of remembered grants. Applications that the platform does not own are not remembered. */
export const REMEMBERED_GRANTS_SQL = `
create table {schema}.iam_grants (
  user_id bigint not null references {schema}.users on delete cascade,
  application_id bigint not null references {schema}.applications on delete cascade,
  client_name text not null,
  scope text not null,
  created_at timestamptz not null,
  primary key (user_id, application_id, scope)
);
create index iam_grants_by_application on {schema}.iam_grants (application_id);
`

/** Opens the remembered grants in `schema`. */
export function rememberedGrants(database: Database, schema: string): RememberedGrants {
  assertSchemaName(schema)
  const table = `${schema}.iam_grants`
  const ofApplication = `application_id = (select id from ${schema}.applications where client_id = $2)`
  const put = `insert into ${table} as held (user_id, application_id, client_name, scope, created_at)
select $1, a.id, new.client_name, new.scope, new.created_at
from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) as new (client_id, client_name, scope, created_at)
join ${schema}.applications a on a.client_id = new.client_id
where exists (select from ${schema}.users where id = $1)
on conflict (user_id, application_id, scope) do update
  set client_name = excluded.client_name, created_at = greatest(held.created_at, excluded.created_at)`
  const valuesOf = (ownerId: string, grants: readonly GrantDocument[]) => [
    ownerId,
    grants.map((grant) => grant.client_id),
    grants.map((grant) => grant.client_name),
    grants.map((grant) => grant.scope),
    grants.map((grant) => grant.created_at),
  ]
  return {
    replace: (ownerId, clientId, grants) =>
      database.transaction(async (tx) => {
        await tx.query(`delete from ${table} where user_id = $1 and ($2::text is null or ${ofApplication})`, [
          ownerId,
          clientId ?? null,
        ])
        if (grants.length > 0) await tx.query(put, valuesOf(ownerId, grants))
      }),
    async add(ownerId, grant) {
      await database.query(put, valuesOf(ownerId, [{ ...grant, id: 1, created_at: new Date().toISOString() }]))
    },
    async list(ownerId, clientId) {
      const rows = await database.query<Omit<GrantDocument, 'created_at'> & { created_at: Date }>(
        `select g.application_id as id, a.client_id, g.client_name, g.scope, g.created_at
from ${table} g join ${schema}.applications a on a.id = g.application_id
where g.user_id = $1 and ($2::text is null or a.client_id = $2) order by g.created_at desc`,
        [ownerId, clientId ?? null],
      )
      return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }))
    },
    async forget(ownerId, clientId, within) {
      await within.query(`delete from ${table} where user_id = $1 and ${ofApplication}`, [ownerId, clientId])
    },
    async forgetUser(ownerId, within) {
      await within.query(`delete from ${table} where user_id = $1`, [ownerId])
    },
    async reset() {
      await database.query(`delete from ${table}`)
    },
  }
}
