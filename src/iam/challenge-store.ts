import type { VerifierKind } from '../credentials/index.ts'
import type { Database, Queryable } from '../storage/index.ts'
import {
  CHALLENGE_LIFETIME,
  type Challenge,
  challengeHash,
  newChallenge,
  type Outcome,
  VERIFIER_LIFETIME,
  verifierHashFor,
} from './challenge.ts'
import { packParameters, plainText, unpackParameters } from './flow-parameters.ts'

/** A challenge that waits for its answer, or whose answer has not been brought back yet. */
export interface OpenChallenge extends Challenge {
  /** Seconds since the epoch. */
  readonly createdAt: number
}

/** A challenge whose answer has just been used up. */
export interface AnsweredChallenge extends OpenChallenge {
  readonly outcome: Outcome
}

/** The challenges in PostgreSQL. Times are the database's, so that replicas agree. */
export class ChallengeStore {
  readonly #database: Database
  readonly #key: Uint8Array
  readonly #schema: string
  readonly #sql: ReturnType<typeof statements>

  constructor(database: Database, schema: string, key: Uint8Array) {
    this.#database = database
    this.#schema = schema
    this.#key = key
    this.#sql = statements(schema)
  }

  /** Keeps a challenge for ten minutes and returns the text to show; undefined when the request is too large to keep. */
  async open(challenge: Challenge): Promise<string | undefined> {
    const parameters = packParameters(challenge.parameters)
    if (parameters === undefined) return undefined
    const text = newChallenge()
    await this.#database.query(this.#sql.open, [
      challengeHash(text),
      verifierHashFor(challenge.kind, text, this.#key),
      challenge.kind,
      challenge.browserHash,
      parameters,
      challenge.clientId,
      challenge.subject ?? null,
      challenge.scopes,
      challenge.promptNone,
      challenge.reauthenticate,
      CHALLENGE_LIFETIME,
    ])
    return text
  }

  /** The challenge behind a text, unless it is unknown, expired, or its answer has been used. */
  async find(kind: VerifierKind, text: string): Promise<OpenChallenge | undefined> {
    const hash = challengeHash(text)
    if (hash === undefined) return undefined
    const [row] = await this.#database.query<ChallengeRow>(this.#sql.find, [hash, kind])
    return row ? fromRow(row) : undefined
  }

  /**
   * Records the answer; true also when the same answer was recorded before and is not used yet, were it that the user has
   * signed in elsewhere meanwhile. False when the challenge is unknown, expired or used, or was answered otherwise.
   */
  async answer(kind: VerifierKind, text: string, outcome: Outcome, within: Queryable): Promise<boolean> {
    const hash = challengeHash(text)
    if (hash === undefined) return false
    const rows = await within.query(this.#sql.answer, [hash, kind, JSON.stringify(outcome), VERIFIER_LIFETIME])
    return rows.length === 1
  }

  /** Uses up an answer, once, for a browser that holds one of these marks. */
  async consume(
    kind: VerifierKind,
    verifierHash: Buffer,
    browserHashes: readonly Buffer[],
  ): Promise<AnsweredChallenge | undefined> {
    const [row] = await this.#database.query<ChallengeRow>(this.#sql.consume, [verifierHash, kind, browserHashes])
    if (!row || row.outcome === null) return undefined
    return { ...fromRow(row), outcome: JSON.parse(row.outcome) as Outcome }
  }

  /** The request of a flow of this browser that can go on no more but may begin again: its answer came too late. */
  async recover(
    kind: VerifierKind,
    verifierHash: Buffer,
    browserHashes: readonly Buffer[],
  ): Promise<OpenChallenge | undefined> {
    const [row] = await this.#database.query<ChallengeRow>(this.#sql.recover, [verifierHash, kind, browserHashes])
    return row ? fromRow(row) : undefined
  }

  /** How many challenges of each kind wait for their answer. */
  async countOpen(): Promise<Record<VerifierKind, number>> {
    const rows = await this.#database.query<{ kind: VerifierKind; open: number }>(this.#sql.countOpen)
    const count = { login: 0, consent: 0 }
    for (const row of rows) count[row.kind] = row.open
    return count
  }

  /** How many logins wait for their answer; counts no further than `atMost`. */
  async countOpenLogins(atMost: number): Promise<number> {
    const [row] = await this.#database.query<{ open: number }>(this.#sql.countOpenLogins, [atMost])
    return row?.open ?? 0
  }

  /**
   * Removes up to `limit` of each kind of challenges that expired: unanswered ones, which nothing can come of, and others an hour later;
   * returns how many went.
   */
  async purge(limit: number, within: Queryable): Promise<number> {
    return (await within.query(this.#sql.purge, [limit])).length
  }

  /** Test control: forgets every challenge. */
  async reset(): Promise<void> {
    await this.#database.query(`delete from ${this.#schema}.challenges`)
  }

  /** Test control: makes every challenge this much older. */
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
}

function fromRow(row: ChallengeRow): OpenChallenge {
  return {
    kind: row.kind,
    parameters: unpackParameters(row.parameters),
    clientId: row.client_id,
    browserHash: row.browser_hash,
    subject: row.subject ?? undefined,
    scopes: row.scopes,
    promptNone: row.prompt_none,
    reauthenticate: row.reauthenticate,
    createdAt: row.created_at.getTime() / 1_000,
  }
}

const COLUMNS =
  'kind, browser_hash, parameters, client_id, subject, scopes, prompt_none, reauthenticate, outcome, created_at'

function statements(schema: string) {
  const table = `${schema}.challenges`
  const named = (name: string, text: string) => ({ name: `${schema}_challenge_${name}`, text })
  return {
    open: named(
      'open',
      `insert into ${table} (challenge_hash, verifier_hash, kind, browser_hash, parameters, client_id, subject, scopes,
  prompt_none, reauthenticate, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11))`,
    ),
    find: named(
      'find',
      `select ${COLUMNS} from ${table}
where challenge_hash = $1 and kind = $2 and used_at is null and expires_at > now()`,
    ),
    answer: named(
      'answer',
      `update ${table} set outcome = $3, answer_expires_at = now() + make_interval(secs => $4)
where challenge_hash = $1 and kind = $2 and used_at is null and expires_at > now()
  and (outcome is null or outcome::jsonb - 'authTime' = $3::jsonb - 'authTime')
returning 1`,
    ),
    consume: named(
      'consume',
      `update ${table} set used_at = now()
where verifier_hash = $1 and kind = $2 and browser_hash = any($3::bytea[]) and used_at is null
  and outcome is not null and answer_expires_at > now()
returning ${COLUMNS}`,
    ),
    recover: named(
      'recover',
      `select ${COLUMNS} from ${table}
where verifier_hash = $1 and kind = $2 and browser_hash = any($3::bytea[]) and used_at is null`,
    ),
    countOpen: named(
      'count_open',
      `select kind, count(*) as open from ${table} where outcome is null and expires_at > now() group by kind`,
    ),
    countOpenLogins: named(
      'count_open_logins',
      `select count(*) as open from (select 1 from ${table}
where kind = 'login' and outcome is null and expires_at > now() limit $1) as waiting`,
    ),
    purge: named(
      'purge',
      // Two look-ups, each by an index of its own: most of what has expired waits for its hour to end.
      `delete from ${table} where challenge_hash = any(
  array(select challenge_hash from ${table} where outcome is null and expires_at < now()
    limit $1 for update skip locked)
  || array(select challenge_hash from ${table} where expires_at < now() - interval '1 hour'
    limit $1 for update skip locked))
returning 1`,
    ),
    advance: named(
      'advance',
      `update ${table} set created_at = created_at - make_interval(secs => $1),
  expires_at = expires_at - make_interval(secs => $1),
  answer_expires_at = answer_expires_at - make_interval(secs => $1)`,
    ),
  }
}

/** The client a request names, for the log and the sign-in page; never trusted. */
export function namedClient(parameters: Challenge['parameters']): string {
  return plainText(parameters['client_id']).replaceAll('\u0000', '').slice(0, 255)
}
