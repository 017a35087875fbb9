import type { AuthorizationServer, ResourceOwner } from '../../authorization-server/index.ts'
import type { ResourceOwnerDocument, UserClaims, UserDocument } from '../../handoff/index.ts'
import type { Database, Queryable } from '../../storage/index.ts'
import type { ChallengeStore } from '../challenges/challenge-store.ts'
import { type HeldUser, judgeUserChange, type ToldUser, type UserChange, type UserState } from './user-changes.ts'

/** A user as listed. */
export interface KnownUser {
  readonly subject: string
  readonly version: number | null
  readonly state: UserState
}

/** The result of a change reported by the platform, and what is stored now: null for a user with nothing stored. */
export interface ToldChange {
  readonly stored: boolean
  readonly held: HeldUser | null
}

/** The users IAM learned of at sign-in and from the platform's changes since: the source of userinfo and ID tokens. */
export interface ResourceOwnerTable {
  /** A user who may obtain credentials; undefined for an unknown, blocked or deleted user. */
  find(id: string): Promise<ResourceOwner | undefined>
  /**
   * Stores a user whom the platform authenticated; `auth_time` never decreases. False: the user is blocked or deleted.
   */
  put(owner: ResourceOwnerDocument): Promise<boolean>
  /**
   * The same, in one transaction with `answer`. Resolves to the result of `answer`; when that is undefined, nothing is
   * stored. `barred`: the user is blocked or deleted, so nothing is stored or answered.
   */
  putWith(
    owner: ResourceOwnerDocument,
    answer: (tx: Queryable) => Promise<string | undefined>,
  ): Promise<string | 'barred' | undefined>
  /** Applies a change; a user who is blocked, or has a new epoch, has no credentials left when this resolves. */
  change(user: UserDocument): Promise<ToldChange>
  /** Permanently deletes what is stored of a user, and ends all their credentials. */
  remove(subject: string, version: number): Promise<ToldChange>
  /** Ends all of a user's credentials so far; returns the number of token pairs revoked. */
  signOut(subject: string): Promise<number>
  /** At most `limit` users after `after`, ordered by subject. */
  list(after: string, limit: number): Promise<KnownUser[]>
}

interface Row {
  subject: string
  username: string
  name: string
  email: string
  claims: string
  auth_time: Date
}

type Profile = Pick<ResourceOwnerDocument, 'subject' | 'username' | 'name' | 'email' | 'claims'>

/** What remains of a deleted user's profile. */
const ERASED = { username: '', name: '', email: '', claims: {} } as const

/** {@link ResourceOwnerTable} in PostgreSQL. `core` ends users' credentials, `challenges` their open challenges. */
export function createResourceOwnerTable(
  database: Database,
  schema: string,
  core: () => Pick<AuthorizationServer, 'subjects'>,
  challenges: Pick<ChallengeStore, 'forgetUser'>,
): ResourceOwnerTable {
  const sql = statements(schema)

  /** Evaluates and stores one message, one at a time for each user. */
  async function take(told: ToldUser, profile: Profile, authTime: number, tx: Queryable): Promise<Taken> {
    await tx.query(sql.lock, [`${schema} user ${profile.subject}`])
    const [held] = await tx.query<HeldUser>(sql.held, [profile.subject])
    const change = judgeUserChange(held, told)
    if (change.next === undefined) return { change, held: held ?? null }
    if (change.ends) {
      await core().subjects.end(profile.subject, { barred: told.state !== 'active' }, tx)
      await challenges.forgetUser(profile.subject, tx)
    }
    if (change.admits) await core().subjects.admit(profile.subject, tx)
    const { subject, username, name, email, claims } = told.state === 'deleted' ? { ...profile, ...ERASED } : profile
    const { state, version, epoch } = change.next
    const values = [subject, username, name, email, JSON.stringify(claims), authTime, state, version, epoch]
    await tx.query(sql.put, [...values, change.takesProfile])
    return { change, held: change.next }
  }

  async function tell(told: ToldUser, profile: Profile): Promise<ToldChange> {
    const { change, held } = await database.transaction((tx) => take(told, profile, 0, tx))
    if (change.ends) await core().subjects.sweep(profile.subject)
    return { stored: change.verdict === 'stored', held }
  }

  async function vouch(owner: ResourceOwnerDocument, answer: (tx: Queryable) => Promise<string | undefined>) {
    const told: ToldUser = { by: 'sign_in', state: 'active', version: owner.version, epoch: owner.credentials_epoch }
    const kept = database.transaction(async (tx) => {
      const { change } = await take(told, owner, owner.auth_time, tx)
      if (change.verdict === 'refused') return { change, answered: 'barred' }
      const answered = await answer(tx)
      if (answered === undefined) throw new AnswerGone()
      return { change, answered }
    })
    const result = await kept.catch((error: unknown) => {
      if (error instanceof AnswerGone) return undefined
      throw error
    })
    if (result?.change.ends) await core().subjects.sweep(owner.subject)
    return result?.answered
  }

  return {
    async find(id) {
      const [row] = await database.query<Row>(sql.find, [id])
      return row ? fromRow(row) : undefined
    },
    put: async (owner) => (await vouch(owner, async () => 'kept')) !== 'barred',
    putWith: vouch,
    change: (user) =>
      tell({ by: 'change', state: user.state, version: user.version, epoch: user.credentials_epoch }, user),
    remove: (subject, version) =>
      tell({ by: 'change', state: 'deleted', version, epoch: undefined }, { subject, ...ERASED }),
    async signOut(subject) {
      await database.transaction(async (tx) => {
        await core().subjects.end(subject, { barred: false }, tx)
        await challenges.forgetUser(subject, tx)
      })
      return core().subjects.sweep(subject)
    },
    list: (after, limit) => database.query<KnownUser>(sql.list, [after, limit]),
  }
}

/** Rolls back what was written along with an answer that is no longer wanted. */
class AnswerGone extends Error {}

interface Taken {
  readonly change: UserChange
  readonly held: HeldUser | null
}

function statements(schema: string) {
  const table = `${schema}.resource_owners`
  const named = (name: string, text: string) => ({ name: `${schema}_resource_owner_${name}`, text })
  return {
    find: {
      ...named(
        'find',
        `select subject, username, name, email, claims, auth_time from ${table} where subject = $1 and state = 'active'`,
      ),
      isBrief: true,
    },
    lock: named('lock', 'select pg_advisory_xact_lock(hashtextextended($1, 0))'),
    held: named('held', `select state, version, credentials_epoch as epoch from ${table} where subject = $1`),
    put: named(
      'put',
      `insert into ${table} as held
  (subject, username, name, email, claims, auth_time, state, version, credentials_epoch)
values ($1, $2, $3, $4, $5, to_timestamp($6::double precision), $7, $8, $9)
on conflict (subject) do update set
  username = case when $10::boolean then excluded.username else held.username end,
  name = case when $10 then excluded.name else held.name end,
  email = case when $10 then excluded.email else held.email end,
  claims = case when $10 then excluded.claims else held.claims end,
  auth_time = greatest(held.auth_time, excluded.auth_time),
  state = excluded.state, version = excluded.version, credentials_epoch = excluded.credentials_epoch,
  updated_at = now()`,
    ),
    list: named('list', `select subject, version, state from ${table} where subject > $1 order by subject limit $2`),
  }
}

/** Converts a hand-off document to the protocol core's resource owner. */
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
