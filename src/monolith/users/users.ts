import type { ResourceOwner } from '../../authorization-server/index.ts'
import type { UserClaims } from '../../handoff/index.ts'
import { assertSchemaName, type Database } from '../../storage/index.ts'
import { hashPassword, verifyPassword } from './password.ts'

/** A user to be, as a seed document has it. */
export interface NewUser {
  readonly id: number
  readonly username: string
  readonly password: string
  readonly name: string
  readonly email: string
  /** What else is known of the user. */
  readonly claims?: UserClaims | undefined
}

/** The users of the platform. */
export interface Users {
  find(id: string): Promise<ResourceOwner | undefined>
  /** By user name, never by e-mail (F017). Takes as long for an unknown name as for a wrong password. */
  authenticate(username: string, password: string): Promise<ResourceOwner | undefined>
  /** Writes down a sign-in, which `auth_time` tells of later. */
  recordSignIn(id: string): Promise<void>
  /** Adds users whose id and name are both free; leaves the others as they are. Returns how many were added. */
  add(users: readonly NewUser[]): Promise<number>
  /** Test control: makes every sign-in this much older. */
  advance(seconds: number): Promise<void>
}

interface UserRow {
  id: number
  username: string
  name: string
  email: string
  claims: string
  password_hash: string
  auth_time: number
}

/** No one's password: what is compared when the name is unknown. */
const NOBODY = hashPassword('')

/** The users in `schema` of a database. */
export function databaseUsers(database: Database, schema: string): Users {
  assertSchemaName(schema)
  const select = `select id, username, name, email, claims, password_hash,
    floor(extract(epoch from coalesce(current_sign_in_at, created_at)))::bigint as auth_time from ${schema}.users`
  const byId = { name: `${schema}_user_by_id`, text: `${select} where id = $1` }
  const byName = { name: `${schema}_user_by_name`, text: `${select} where username = $1` }
  return {
    async find(id) {
      const [row] = /^[1-9]\d{0,17}$/.test(id) ? await database.query<UserRow>(byId, [id]) : []
      return row && toOwner(row)
    },
    async authenticate(username, password) {
      const [row] = username.includes('\0') ? [] : await database.query<UserRow>(byName, [username])
      const fits = await verifyPassword(password, row?.password_hash ?? (await NOBODY))
      return row && fits ? toOwner(row) : undefined
    },
    async recordSignIn(id) {
      await database.query(`update ${schema}.users set current_sign_in_at = now() where id = $1`, [id])
    },
    async add(users) {
      const known = await database.query<{ id: number; username: string }>(
        `select id, username from ${schema}.users where id = any($1::bigint[]) or username = any($2::text[])`,
        [users.map((user) => user.id), users.map((user) => user.username)],
      )
      let added = 0
      for (const user of users) {
        if (known.some((row) => row.id === user.id || row.username === user.username)) continue
        const rows = await database.query(
          `insert into ${schema}.users (id, username, name, email, claims, password_hash)
           values ($1, $2, $3, $4, $5, $6)
           on conflict do nothing returning id`,
          [
            user.id,
            user.username,
            user.name,
            user.email,
            JSON.stringify(user.claims ?? {}),
            await hashPassword(user.password),
          ],
        )
        added += rows.length
      }
      return added
    },
    async advance(seconds) {
      await database.query(
        `update ${schema}.users set current_sign_in_at = current_sign_in_at - $1 * interval '1 second'`,
        [seconds],
      )
    },
  }
}

function toOwner(row: UserRow): ResourceOwner {
  const { username, name, email, claims, auth_time: authTime } = row
  return { id: String(row.id), username, name, email, claims: JSON.parse(claims) as UserClaims, authTime }
}
