import type { VerifierKind } from '../../credentials/index.ts'
import { type Database, formatSwitch, type Queryable } from '../../storage/index.ts'
import { SEALED_REQUESTS } from '../migrations.ts'
import {
  ANSWER_SECONDS,
  BUSY_SECONDS,
  type Challenge,
  challengeHash,
  newChallenge,
  type Outcome,
  verifierHashFor,
} from './challenge.ts'
import { packParameters } from './flow-parameters.ts'
import { type StoredRequests, storedRequests } from './stored-requests.ts'

/** A stored challenge, answered or not. */
export interface StoredChallenge extends Challenge {
  /** Seconds since the epoch. */
  readonly createdAt: number
  /** Whether its answer was already used or has expired. */
  readonly isSpent: boolean
}

/** A challenge with a valid answer. */
export interface AnsweredChallenge extends StoredChallenge {
  readonly outcome: Outcome
}

/**
 * The challenges in PostgreSQL. Times are the database's, so that replicas agree. An answer never changes: a different
 * answer to the same challenge creates a new challenge with its own verifier.
 */
export class ChallengeStore {
  readonly #database: Database
  readonly #key: Uint8Array
  readonly #schema: string
  readonly #lifetimeSeconds: number
  readonly #requests: StoredRequests
  readonly #sql: ReturnType<typeof statements>

  /** `lifetimeSeconds`: how long a sign-in or consent page can be answered. */
  constructor(database: Database, schema: string, key: Uint8Array, lifetimeSeconds: number) {
    this.#database = database
    this.#schema = schema
    this.#key = key
    this.#lifetimeSeconds = lifetimeSeconds
    this.#requests = storedRequests(key, formatSwitch(database, schema, SEALED_REQUESTS))
    this.#sql = statements(schema)
  }

  /**
   * Stores a challenge and returns the text that identifies it; undefined when the request is too large to store. With
   * `prompt=none` no page stays open and anyone can have it answered, so it expires as soon as an unattended page
   * would.
   */
  async open(challenge: Challenge): Promise<string | undefined> {
    const parameters = packParameters(challenge.parameters)
    if (parameters === undefined) return undefined
    const text = newChallenge()
    await this.#database.query(this.#sql.open, [
      challengeHash(text),
      verifierHashFor(challenge.kind, text, this.#key),
      challenge.kind,
      challenge.browserHash,
      await this.#requests.toStore(challenge.kind, parameters),
      challenge.clientId,
      challenge.subject ?? null,
      challenge.scopes,
      challenge.promptNone,
      challenge.reauthenticate,
      challenge.promptNone ? BUSY_SECONDS : this.#lifetimeSeconds,
    ])
    return text
  }

  /** The challenge with this text; undefined when unknown or expired. */
  async find(kind: VerifierKind, text: string): Promise<StoredChallenge | undefined> {
    const hash = challengeHash(text)
    if (hash === undefined) return undefined
    const [row] = await this.#database.query<ChallengeRow>(this.#sql.find, [hash, kind])
    return row && this.#fromRow(row)
  }

  /**
   * Records an answer, valid for {@link ANSWER_SECONDS}. Returns the challenge with the verifier of this answer: the
   * same one for a first answer or the same answer repeated (unless the user has signed in elsewhere in between), else
   * a new one with the same request. Knowing the verifier of an earlier answer gives no access to a later one.
   * Undefined when the challenge is unknown or expired.
   */
  async answer(kind: VerifierKind, text: string, outcome: Outcome, within: Queryable): Promise<string | undefined> {
    const hash = challengeHash(text)
    if (hash === undefined) return undefined
    const subject = outcome.kind === 'signed_in' ? outcome.subject : null
    const answer = [hash, kind, JSON.stringify(outcome), ANSWER_SECONDS, subject]
    const same = await within.query(this.#sql.answer, answer)
    if (same.length === 1) return text
    const other = newChallenge()
    const hashes = [challengeHash(other), verifierHashFor(kind, other, this.#key)]
    const copied = await within.query(this.#sql.answerOtherwise, [...answer, ...hashes])
    return copied.length === 1 ? other : undefined
  }

  /** The answer for a verifier, while it is valid, for a browser with one of these marks. */
  async consume(
    kind: VerifierKind,
    verifierHash: Buffer,
    browserHashes: readonly Buffer[],
  ): Promise<AnsweredChallenge | undefined> {
    const [row] = await this.#database.query<ChallengeRow>(this.#sql.consume, [verifierHash, kind, browserHashes])
    if (!row || row.outcome === null) return undefined
    const challenge = this.#fromRow(row)
    return challenge && { ...challenge, outcome: JSON.parse(row.outcome) as Outcome }
  }

  /** The challenge of a verifier, whichever browser presents it and whether or not its answer is valid. */
  async behind(kind: VerifierKind, verifierHash: Buffer): Promise<StoredChallenge | undefined> {
    const [row] = await this.#database.query<ChallengeRow>(this.#sql.behind, [verifierHash, kind])
    return row && this.#fromRow(row)
  }

  /** Discards a user's answered and open challenges: such a request starts again with sign-in. */
  async forgetUser(subject: string, within: Queryable): Promise<void> {
    await within.query(this.#sql.forgetUser, [subject])
  }

  /** Discards a user's answers for one client: a request that presents such an answer starts again with sign-in. */
  async takeBackAnswers(subject: string, clientId: string, within: Queryable): Promise<void> {
    await within.query(this.#sql.takeBackAnswers, [subject, clientId])
  }

  /** The number of challenges of each kind with a page that a user is presumed to be working on. */
  async countOpen(): Promise<Record<VerifierKind, number>> {
    const rows = await this.#database.query<{ kind: VerifierKind; open: number }>(
      this.#sql.countOpen,
      this.#busyWindow(),
    )
    const count = { login: 0, consent: 0 }
    for (const row of rows) count[row.kind] = row.open
    return count
  }

  /** The number of logins waiting in the same way; stops counting at `atMost`. */
  async countOpenLogins(atMost: number): Promise<number> {
    const [row] = await this.#database.query<{ open: number }>(this.#sql.countOpenLogins, [
      ...this.#busyWindow(),
      atMost,
    ])
    return row?.open ?? 0
  }

  /** Deletes up to `limit` expired challenges; returns the number deleted. */
  async purge(limit: number, within: Queryable): Promise<number> {
    return (await within.query(this.#sql.purge, [limit])).length
  }

  /**
   * Deletes up to `limit` of the unanswered challenges beyond `most`, oldest first; returns the number deleted. Keeps
   * those with a page that a user is presumed to be working on: their number is bounded when they start.
   */
  async trim(most: number, limit: number, within: Queryable): Promise<number> {
    return (await within.query(this.#sql.trim, [most, limit, BUSY_SECONDS])).length
  }

  /** Undefined when the request cannot be decrypted: its verifier would not be accepted either. */
  #fromRow(row: ChallengeRow): StoredChallenge | undefined {
    const parameters = this.#requests.fromStore(row.kind, row.parameters)
    return (
      parameters && {
        kind: row.kind,
        parameters,
        clientId: row.client_id,
        browserHash: row.browser_hash,
        subject: row.subject ?? undefined,
        scopes: row.scopes,
        promptNone: row.prompt_none,
        reauthenticate: row.reauthenticate,
        createdAt: row.created_at.getTime() / 1_000,
        isSpent: row.is_spent ?? false,
      }
    )
  }

  #busyWindow(): [number, number] {
    return [this.#lifetimeSeconds - BUSY_SECONDS, BUSY_SECONDS]
  }

  /** For tests: deletes every challenge. */
  async reset(): Promise<void> {
    await this.#database.query(`delete from ${this.#schema}.challenges`)
  }

  /** For tests: makes every challenge this much older. */
  async advance(seconds: number): Promise<void> {
    await this.#database.query(this.#sql.advance, [seconds])
  }
}

interface ChallengeRow {
  kind: VerifierKind
  browser_hash: Buffer
  parameters: string
  client_id: string
  subject: string | null
  scopes: string[]
  prompt_none: boolean
  reauthenticate: boolean
  outcome: string | null
  created_at: Date
  is_spent: boolean | null
}

const COLUMNS = `kind, browser_hash, parameters, client_id, subject, scopes, prompt_none, reauthenticate, outcome, created_at,
  used_at is not null or answer_expires_at <= now() as is_spent`

/** The minimum time an answer is stored after it was given, even if its challenge is about to expire. */
const KEPT = `interval '1 hour'`

function statements(schema: string) {
  const table = `${schema}.challenges`
  const named = (name: string, text: string) => ({ name: `${schema}_challenge_${name}`, text })
  // Filters by expiry, which is indexed: pages were opened one lifetime before it, prompt=none a short one.
  const waiting = `(select kind from ${table} where outcome is null and expires_at > now() + make_interval(secs => $1)
union all
select kind from ${table} where outcome is null and prompt_none
  and expires_at > now() and expires_at <= now() + make_interval(secs => $2)) as waiting`
  return {
    open: named(
      'open',
      `insert into ${table} (challenge_hash, verifier_hash, kind, browser_hash, parameters, client_id, subject, scopes,
  prompt_none, reauthenticate, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11))`,
    ),
    find: named(
      'find',
      `select ${COLUMNS} from ${table} where challenge_hash = $1 and kind = $2 and expires_at > now()`,
    ),
    answer: named(
      'answer',
      `update ${table} set outcome = $3, answer_expires_at = now() + make_interval(secs => $4),
  subject = coalesce($5, subject), expires_at = greatest(expires_at, now() + ${KEPT})
where challenge_hash = $1 and kind = $2 and expires_at > now()
  and (outcome is null or outcome::jsonb - 'authTime' - 'grantedScopes' = $3::jsonb - 'authTime' - 'grantedScopes')
returning 1`,
    ),
    answerOtherwise: named(
      'answer_otherwise',
      `insert into ${table} (challenge_hash, verifier_hash, kind, browser_hash, parameters, client_id, subject, scopes,
  prompt_none, reauthenticate, created_at, outcome, answer_expires_at, expires_at)
select $6, $7, kind, browser_hash, parameters, client_id, coalesce($5, subject), scopes,
  prompt_none, reauthenticate, created_at, $3, now() + make_interval(secs => $4), now() + ${KEPT}
from ${table} where challenge_hash = $1 and kind = $2 and expires_at > now()
returning 1`,
    ),
    consume: named(
      'consume',
      `update ${table} set used_at = coalesce(used_at, now())
where verifier_hash = $1 and kind = $2 and browser_hash = any($3::bytea[])
  and outcome is not null and answer_expires_at > now()
returning ${COLUMNS}`,
    ),
    behind: named('behind', `select ${COLUMNS} from ${table} where verifier_hash = $1 and kind = $2`),
    countOpen: named('count_open', `select kind, count(*) as open from ${waiting} group by kind`),
    countOpenLogins: named(
      'count_open_logins',
      `select count(*) as open from (select 1 from ${waiting} where kind = 'login' limit $3) as counted`,
    ),
    purge: named(
      'purge',
      `delete from ${table} where challenge_hash = any(array(
  select challenge_hash from ${table} where expires_at < now() limit $1 for update skip locked))
returning 1`,
    ),
    trim: named(
      'trim',
      `delete from ${table} where challenge_hash = any(array(
  select challenge_hash from ${table} where outcome is null and created_at < now() - make_interval(secs => $3)
  order by expires_at
  limit least($2, greatest(0, (select count(*) from ${table} where outcome is null) - $1)) for update skip locked))
returning 1`,
    ),
    takeBackAnswers: named(
      'take_back_answers',
      `update ${table} set outcome = null, answer_expires_at = now(), expires_at = now()
where subject = $1 and client_id = $2 and outcome is not null`,
    ),
    forgetUser: named(
      'forget_user',
      `update ${table} set outcome = null, answer_expires_at = now(), expires_at = now() where subject = $1`,
    ),
    advance: named(
      'advance',
      `update ${table} set created_at = created_at - make_interval(secs => $1),
  expires_at = expires_at - make_interval(secs => $1),
  answer_expires_at = answer_expires_at - make_interval(secs => $1)`,
    ),
  }
}
