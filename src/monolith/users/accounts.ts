import type { AuthorizationServer } from '../../authorization-server/index.ts'
import type { UserClaims } from '../../handoff/index.ts'
import { assertSchemaName, type Database, type Queryable } from '../../storage/index.ts'
import { rememberedGrants } from '../grants/iam-grants.ts'
import { hashPassword } from './password.ts'

/** Columns of the users, and the changes of users to report to IAM. Null in `delivered`: not reported yet. */
export const ACCOUNTS_SQL = `
alter table {schema}.users
  add column version bigint not null default 1,
  add column credentials_epoch bigint not null default 0,
  add column blocked_at timestamptz;
create table {schema}.user_changes (
  subject text primary key,
  version bigint not null,
  is_removed boolean not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now()
);
create index user_changes_by_attempt on {schema}.user_changes (next_attempt_at);
`

/** The editable fields of a user; an omitted field is unchanged. */
export interface AccountChange {
  readonly username?: string | undefined
  readonly name?: string | undefined
  readonly email?: string | undefined
  readonly claims?: UserClaims | undefined
  readonly password?: string | undefined
}

/**
 * Administrative operations on users. Each resolves to false for an unknown user. A change, its row for IAM, and the
 * end of sessions and tokens here are one transaction.
 */
export interface Accounts {
  /** A new password ends the user's sessions; with `signsOut` all other credentials of the user too. */
  change(id: string, change: AccountChange, signsOut: boolean): Promise<boolean | 'username_taken'>
  /** Ends all of a user's credentials and lets none begin. */
  block(id: string): Promise<boolean>
  unblock(id: string): Promise<boolean>
  /** Ends all of a user's credentials so far: sessions, tokens, codes, devices, here and at IAM. */
  signOut(id: string): Promise<boolean>
  remove(id: string): Promise<boolean>
  /** Gives a user a version above this one, and reports the user to IAM again. */
  raise(id: string, above: number): Promise<void>
}

const UNIQUE_VIOLATION = '23505'

/** The accounts in `schema`. `onChange` is called once a change is committed. */
export function accounts(
  database: Database,
  schema: string,
  core: Pick<AuthorizationServer, 'subjects'>,
  onChange: () => void,
): Accounts {
  assertSchemaName(schema)
  const users = `${schema}.users`
  const remembered = rememberedGrants(database, schema)

  /** Runs one statement that changes a user, and its dependent changes; returns the new version. */
  async function write(
    id: string,
    statement: string,
    values: readonly unknown[],
    ends: 'nothing' | 'sessions' | 'everything' | 'for_good',
    also: (tx: Queryable) => Promise<void> = async () => {},
  ): Promise<boolean> {
    if (!/^[1-9]\d{0,17}$/.test(id)) return false
    const isKnown = await database.transaction(async (tx) => {
      const [row] = await tx.query<{ version: number }>(statement, [id, ...values])
      if (!row) return false
      if (ends !== 'nothing') await tx.query(`delete from ${schema}.sessions where user_id = $1`, [id])
      if (ends === 'everything' || ends === 'for_good') {
        await core.subjects.end(id, { barred: ends === 'for_good' }, tx)
        await remembered.forgetUser(id, tx)
      }
      await also(tx)
      await tellIam(tx, id, row.version, statement.startsWith('delete'))
      return true
    })
    if (!isKnown) return false
    if (ends === 'everything' || ends === 'for_good') await core.subjects.sweep(id)
    onChange()
    return true
  }

  const tellIam = (tx: Queryable, id: string, version: number, isRemoved: boolean) =>
    tx.query(
      `insert into ${schema}.user_changes (subject, version, is_removed) values ($1, $2, $3)
on conflict (subject) do update set version = excluded.version, is_removed = excluded.is_removed, attempts = 0,
  next_attempt_at = now()`,
      [id, version, isRemoved],
    )

  const update = (set: string) => `update ${users} set ${set}, version = version + 1 where id = $1 returning version`
  return {
    async change(id, { username, name, email, claims, password }, signsOut) {
      const hash = password === undefined ? null : await hashPassword(password)
      const set = `username = coalesce($2, username), name = coalesce($3, name), email = coalesce($4, email),
  claims = coalesce($5, claims), password_hash = coalesce($6, password_hash),
  credentials_epoch = credentials_epoch + case when $7::boolean then 1 else 0 end`
      const json = claims === undefined ? null : JSON.stringify(claims)
      const values = [username ?? null, name ?? null, email ?? null, json, hash, signsOut]
      const ends = signsOut ? 'everything' : password === undefined ? 'nothing' : 'sessions'
      try {
        return await write(id, update(set), values, ends)
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION) return 'username_taken'
        throw error
      }
    },
    block: (id) => write(id, update('blocked_at = coalesce(blocked_at, now())'), [], 'for_good'),
    unblock: (id) => write(id, update('blocked_at = null'), [], 'nothing', (tx) => core.subjects.admit(id, tx)),
    signOut: (id) => write(id, update('credentials_epoch = credentials_epoch + 1'), [], 'everything'),
    remove: (id) => write(id, `delete from ${users} where id = $1 returning version + 1 as version`, [], 'for_good'),
    async raise(id, above) {
      await write(
        id,
        update(`version = greatest(version, $2)`).replace(', version = version + 1', ''),
        [above + 1],
        'nothing',
      )
    },
  }
}
