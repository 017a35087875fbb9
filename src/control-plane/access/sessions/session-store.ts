import type { Environment } from '../../../flags/index.ts'
import type { ChangeContext } from '../../audit/change-context.ts'
import type { Store } from '../../state/store.ts'
import { type ClaimMapping, type Claims, grantOf, subjectAt } from '../roles/claim-mapping.ts'
import { type Caller, environmentsOf, isUserRole, type UserRole } from '../roles/roles.ts'
import { derivedSecret, newSecret, secretDigest } from './session-cookie.ts'

/** The identity providers of sessions, and the rules that map their claims to roles. */
export interface PeopleOfIssuer {
  readonly issuer: string
  readonly mapping: ClaimMapping
}

/** How long sessions last, and the OpenID provider that may start them. */
export interface SessionRules {
  /** A session ends after this long without a request. */
  readonly idleMs: number
  /** A session ends after this long in any case. */
  readonly lifeMs: number
  readonly people: PeopleOfIssuer | undefined
}

/** Who signed in, and through which provider. */
export interface NewSession {
  readonly name: string
  /** The unique key of the person; identifies their sessions. */
  readonly subject: string
  readonly grant: { readonly tokenId: number } | { readonly claims: Claims }
  readonly address: string
  readonly browser: string
}

/** The public part of a session. */
export interface SessionRecord {
  readonly id: number
  readonly name: string
  readonly subject: string
  readonly address: string
  readonly browser: string
  readonly created_at: Date
  readonly last_seen_at: Date
  readonly expires_at: Date
}

/** Ids of the sessions and tokens with which callers were authenticated. */
export interface CallerIds {
  readonly sessions: ReadonlySet<number>
  readonly tokens: ReadonlySet<number>
}

interface StoredSession extends SessionRecord {
  readonly token_id: number | null
  readonly claims: Claims | null
  readonly role: Caller['role'] | null
  readonly limits: readonly Environment[] | null
}

const SEEN_STEP_S = 30
const COLUMNS = 's.id, s.name, s.subject, s.address, s.browser, s.created_at, s.last_seen_at, s.expires_at'

/** The purpose for which a session's secret is turned into its CSRF token. */
export const CSRF_PURPOSE = 'csrf'

/** The sessions of people. A secret is sent once, to the browser; the store keeps only its digest. */
export class SessionStore {
  readonly #store: Store
  readonly rules: SessionRules

  constructor(store: Store, rules: SessionRules) {
    this.#store = store
    this.rules = rules
  }

  /** Creates a single-use secret, valid for `seconds`, that signs its bearer in as the holder of a token. */
  async createLink(tokenId: number, seconds: number): Promise<string> {
    const { database, schema } = this.#store
    const secret = newSecret()
    await database.query(`delete from ${schema}.sign_in_links where expires_at < now()`)
    await database.query(
      `insert into ${schema}.sign_in_links (digest, token_id, expires_at)
        values ($1, $2, now() + make_interval(secs => $3))`,
      [secretDigest(secret), tokenId, seconds],
    )
    return secret
  }

  /** Redeems such a secret; resolves to the token's holder, or undefined if the secret is used, expired or wrong. */
  async redeemLink(secret: string): Promise<{ readonly tokenId: number; readonly name: string } | undefined> {
    const { database, schema } = this.#store
    const [link] = await database.query<{ tokenId: number; name: string }>(
      `delete from ${schema}.sign_in_links l using ${schema}.tokens t
        where l.digest = $1 and l.expires_at > now() and t.id = l.token_id
          and (t.expires_at is null or t.expires_at > now())
        returning t.id as "tokenId", t.name`,
      [secretDigest(secret)],
    )
    return link
  }

  /** Starts a session with a new secret, ends the browser's previous session, and records both. */
  async begin(session: NewSession, former: string | undefined, context: ChangeContext): Promise<string> {
    const secret = newSecret()
    const { grant, name, subject, address, browser } = session
    await this.#store.write(async (tx) => {
      const { schema } = this.#store
      await tx.query(`delete from ${schema}.sessions where expires_at < now()`)
      if (former !== undefined)
        await tx.query(`delete from ${schema}.sessions where digest = $1`, [secretDigest(former)])
      const [begun] = await tx.query<{ id: number }>(
        `insert into ${schema}.sessions (digest, name, subject, token_id, claims, address, browser, expires_at)
          values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8)) returning id`,
        [
          ...[secretDigest(secret), name, subject],
          ...['tokenId' in grant ? grant.tokenId : null, 'claims' in grant ? JSON.stringify(grant.claims) : null],
          ...[address, browser.slice(0, 200), this.rules.lifeMs / 1_000],
        ],
      )
      await tx.record({
        ...{ context, action: 'sign_in', environment: null, subject: name },
        ...{ before: null, after: { session: begun?.id ?? null }, details: { with: subject.split(':', 1)[0] } },
      })
      return { change: undefined, result: undefined }
    })
    return secret
  }

  /**
   * The current role of a session's holder, from the token or the claims that the session started with; undefined once
   * the session has ended or they no longer give a role.
   */
  async find(secret: string): Promise<Caller | undefined> {
    const { database, schema } = this.#store
    const [session] = await database.query<StoredSession>(
      `select ${COLUMNS}, s.token_id, s.claims, t.role, t.environments as limits
        from ${schema}.sessions s left join ${schema}.tokens t
          on t.id = s.token_id and (t.expires_at is null or t.expires_at > now())
        where s.digest = $1 and s.expires_at > now() and s.last_seen_at > now() - make_interval(secs => $2)`,
      [secretDigest(secret), this.rules.idleMs / 1_000],
    )
    const right = session && this.#rightOf(session)
    if (!session || !right) return undefined
    await database.query(
      `update ${schema}.sessions set last_seen_at = now()
        where id = $1 and last_seen_at < now() - make_interval(secs => ${SEEN_STEP_S})`,
      [session.id],
    )
    const { id, name, subject, expires_at: expiresAt } = session
    const csrfToken = derivedSecret(secret, CSRF_PURPOSE)
    return { name, ...right, by: { kind: 'session', id, subject, expiresAt, csrfToken } }
  }

  #rightOf({ token_id, claims, subject, role, limits }: StoredSession) {
    if (token_id !== null) {
      return role !== null && isUserRole(role) ? { role, environments: environmentsOf(role, limits) } : undefined
    }
    const { people } = this.rules
    // Claims of another provider, or another claim, may mean something else under the current rules.
    const isOfToday =
      people !== undefined &&
      subject.startsWith(subjectAt(people.issuer, '')) &&
      (claims?.claim === undefined || claims.claim === people.mapping.claim)
    const grant: { role: UserRole; environments: readonly Environment[] | null } | undefined =
      claims && isOfToday ? grantOf(people.mapping, claims) : undefined
    return grant && { role: grant.role, environments: environmentsOf(grant.role, grant.environments) }
  }

  /** The given ids of sessions and tokens that have neither ended nor expired. */
  async stillValid(ids: CallerIds): Promise<CallerIds> {
    const { database, schema } = this.#store
    const rows = await database.query<{ kind: keyof CallerIds; id: number }>(
      `select 'sessions' as kind, s.id from ${schema}.sessions s
        left join ${schema}.tokens t on t.id = s.token_id and (t.expires_at is null or t.expires_at > now())
        where s.id = any($1::integer[]) and s.expires_at > now() and (s.token_id is null or t.id is not null)
          and s.last_seen_at > now() - make_interval(secs => $3)
      union all
      select 'tokens', id from ${schema}.tokens
        where id = any($2::integer[]) and (expires_at is null or expires_at > now())`,
      [[...ids.sessions], [...ids.tokens], this.rules.idleMs / 1_000],
    )
    const of = (kind: keyof CallerIds) => new Set(rows.filter((row) => row.kind === kind).map(({ id }) => id))
    return { sessions: of('sessions'), tokens: of('tokens') }
  }

  /** The sessions of one person, or of everyone, newest first. */
  async list(subject?: string): Promise<SessionRecord[]> {
    const { database, schema } = this.#store
    return database.query<SessionRecord>(
      `select ${COLUMNS} from ${schema}.sessions s where s.expires_at > now()
          and s.last_seen_at > now() - make_interval(secs => $1) and ($2::text is null or s.subject = $2)
        order by s.id desc limit 1000`,
      [this.rules.idleMs / 1_000, subject ?? null],
    )
  }

  /**
   * Ends one session, only if it belongs to the given subject, or all sessions of that subject; resolves to the number
   * of ended sessions.
   */
  async end(
    which: { readonly id?: number; readonly subject?: string | undefined },
    context: ChangeContext,
  ): Promise<number> {
    const { id = null, subject = null } = which
    if (id === null && subject === null) throw new Error('neither an id nor a subject names the sessions to end')
    return this.#store.write(async (tx) => {
      const ended = await tx.query<{ id: number; name: string }>(
        `delete from ${this.#store.schema}.sessions
          where ($1::integer is null or id = $1) and ($2::text is null or subject = $2) returning id, name`,
        [id, subject],
      )
      for (const session of ended) {
        await tx.record({
          ...{ context, action: 'sign_out', environment: null, subject: session.name },
          ...{ before: { session: session.id }, after: null },
        })
      }
      return { change: undefined, result: ended.length }
    })
  }
}
