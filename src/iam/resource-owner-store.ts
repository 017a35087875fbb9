import type { ResourceOwner } from '../authorization-server/index.ts'
import type { ResourceOwnerDocument, UserClaims } from '../handoff/index.ts'
import type { Database, Queryable } from '../storage/index.ts'

/** The users IAM was told of at sign-in: what userinfo and ID tokens show until the next sign-in. */
export interface ResourceOwnerTable {
  find(id: string): Promise<ResourceOwner | undefined>
  /** Keeps the profile; `auth_time` never goes back. */
  put(owner: ResourceOwnerDocument, within?: Queryable): Promise<void>
}

interface Row {
  subject: string
  username: string
  name: string
  email: string
  claims: string
  auth_time: Date
}

/** {@link ResourceOwnerTable} in PostgreSQL. */
export function resourceOwnerTable(database: Database, schema: string): ResourceOwnerTable {
  const find = {
    name: `${schema}_resource_owner_find`,
    text: `select subject, username, name, email, claims, auth_time from ${schema}.resource_owners where subject = $1`,
    isBrief: true,
  }
  const put = {
    name: `${schema}_resource_owner_put`,
    text: `
insert into ${schema}.resource_owners as held (subject, username, name, email, claims, auth_time)
values ($1, $2, $3, $4, $5, to_timestamp($6::double precision))
on conflict (subject) do update set username = excluded.username, name = excluded.name, email = excluded.email,
  claims = excluded.claims,  auth_time = greatest(held.auth_time, excluded.auth_time), updated_at = now()`,
  }
  return {
    async find(id) {
      const [row] = await database.query<Row>(find, [id])
      return row ? fromRow(row) : undefined
    },
    async put(owner, within = database) {
      const profile = [owner.subject, owner.username, owner.name, owner.email, JSON.stringify(owner.claims)]
      await within.query(put, [...profile, owner.auth_time])
    },
  }
}

/** A document of the hand-off as the protocol core knows users. */
export function toResourceOwner(document: ResourceOwnerDocument): ResourceOwner {
  return {
    id: document.subject,
    username: document.username,
    name: document.name,
    email: document.email,
    claims: document.claims,
    authTime: document.auth_time,
  }
}

function fromRow(row: Row): ResourceOwner {
  return {
    id: row.subject,
    username: row.username,
    name: row.name,
    email: row.email,
    claims: JSON.parse(row.claims) as UserClaims,
    authTime: Math.floor(row.auth_time.getTime() / 1_000),
  }
}
