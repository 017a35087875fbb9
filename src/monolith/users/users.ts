import type { ResourceOwner } from '../../authorization-server/index.ts'
import type { UserClaims } from '../../handoff/index.ts'
import { assertSchemaName, type Database } from '../../storage/index.ts'
import { hashPassword, PASSWORD_COST, type PasswordCost, verifyPassword } from './password.ts'

/** A new user, as in a seed document. */
export interface NewUser {
  readonly id: number
  readonly username: string
  readonly password: string
  readonly name: string
  readonly email: string
  /** Further claims of the user. */
  readonly claims?: UserClaims | undefined
}

/** A page of users in the order of their ids. */
export interface UserPage {
  /** Only the user with this name; all users if undefined. */
  readonly username?: string | undefined
  /** From 1. */
  readonly page: number
  readonly perPage: number
}

/** A user with the additional fields that are reported to IAM. */
export interface PlatformUser extends ResourceOwner {
  /** Increases with every change. */
  readonly version: number
  /** Raised to end all of the user's credentials. */
  readonly credentialsEpoch: number
  readonly isBlocked: boolean
}

/** The users of the platform. */
export interface Users {
  /** A user who may obtain credentials; undefined for an unknown or blocked user. */
  find(id: string): Promise<PlatformUser | undefined>
  /** The same, blocked or not. */
  findAny(id: string): Promise<PlatformUser | undefined>
  findMany(ids: readonly string[]): Promise<PlatformUser[]>
  list(page: UserPage): Promise<PlatformUser[]>
  /** By user name, never by e-mail (F017). Takes as long for an unknown name as for a wrong password. */
  authenticate(username: string, password: string): Promise<ResourceOwner | undefined>
  /** Records a sign-in, which later becomes `auth_time`. */
  recordSignIn(id: string): Promise<void>
  /** Adds users with an unused id and name; leaves the others unchanged. Returns the number added. */
  add(users: readonly NewUser[]): Promise<number>
  /** Adds a user under an id that no user has had; undefined if the name is taken. */
  create(user: Omit<NewUser, 'id'>): Promise<PlatformUser | undefined>
  /** For tests: makes every sign-in this much older. */
  advance(seconds: number): Promise<void>
}

interface UserRow {
  id: number
  username: string
  name: string
  email: string
  claims: string
  password_hash: string
  version: number
  credentials_epoch: number
  blocked_at: Date | null
  auth_time: number
}

const ID = /^[1-9]\d{0,17}$/
const COLUMNS = `id, username, name, email, claims, password_hash, version, credentials_epoch, blocked_at,
    floor(extract(epoch from coalesce(current_sign_in_at, created_at)))::bigint as auth_time`

/** The users in `schema` of a database. */
export function databaseUsers(database: Database, schema: string, cost: PasswordCost = PASSWORD_COST): Users {
  assertSchemaName(schema)
  // Compared when the name is unknown.
  const nobody = hashPassword('', cost)
  const select = `select ${COLUMNS} from ${schema}.users`
  const byId = { name: `${schema}_user_by_id`, text: `${select} where id = $1` }
  const byIds = `${select} where id = any($1::bigint[])`
  const byName = { name: `${schema}_user_by_name`, text: `${select} where username = $1` }
  const findAny = async (id: string) => {
    const [row] = ID.test(id) ? await database.query<UserRow>(byId, [id]) : []
    return row && toOwner(row)
  }
  const skipIds = idSkipper(database, schema)
  return {
    async find(id) {
      const user = await findAny(id)
      return user?.isBlocked ? undefined : user
    },
    findAny,
    findMany: async (ids) => (await database.query<UserRow>(byIds, [ids.filter((id) => ID.test(id))])).map(toOwner),
    async list({ username, page, perPage }) {
      const rows = await database.query<UserRow>(
        `${select} where $1::text is null or username = $1 order by id limit $2 offset $3`,
        [username ?? null, perPage, (page - 1) * perPage],
      )
      return rows.map(toOwner)
    },
    async authenticate(username, password) {
      const [row] = username.includes('\0') ? [] : await database.query<UserRow>(byName, [username])
      const fits = await verifyPassword(password, row?.password_hash ?? (await nobody))
      return row && fits && row.blocked_at === null ? toOwner(row) : undefined
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
        const { id, username, name, email, claims = {}, password } = user
        const rows = await database.query(
          `insert into ${schema}.users (id, username, name, email, claims, password_hash)
           values ($1, $2, $3, $4, $5, $6)
           on conflict do nothing returning id`,
          [id, username, name, email, JSON.stringify(claims), await hashPassword(password, cost)],
        )
        added += rows.length
      }
      await skipIds(Math.max(0, ...users.map((user) => user.id)))
      return added
    },
    async create({ username, name, email, claims, password }) {
      await skipIds(0)
      const [row] = await database.query<UserRow>(
        `insert into ${schema}.users (username, name, email, claims, password_hash) values ($1, $2, $3, $4, $5)
         on conflict (username) do nothing returning ${COLUMNS}`,
        [username, name, email, JSON.stringify(claims ?? {}), await hashPassword(password, cost)],
      )
      return row && toOwner(row)
    },
    async advance(seconds) {
      await database.query(
        `update ${schema}.users set current_sign_in_at = current_sign_in_at - $1 * interval '1 second'`,
        [seconds],
      )
    },
  }
}

/** Makes the database assign ids above every user's and above `upTo`, so that no id is assigned again after a deletion. */
function idSkipper(database: Database, schema: string) {
  const sequence = `pg_get_serial_sequence('${schema}.users', 'id')`
  return (upTo: number) =>
    database.query(
      `select setval(${sequence}, highest) from
  (select greatest($1::bigint, (select max(id) from ${schema}.users)) as highest) as ids
where highest > coalesce(pg_sequence_last_value(${sequence}::regclass), 0)`,
      [upTo],
    )
}

function toOwner(row: UserRow): PlatformUser {
  const { username, name, email, claims, auth_time: authTime } = row
  const { version, credentials_epoch: credentialsEpoch } = row
  const profile = { id: String(row.id), username, name, email, claims: JSON.parse(claims) as UserClaims, authTime }
  return { ...profile, version, credentialsEpoch, isBlocked: row.blocked_at !== null }
}
