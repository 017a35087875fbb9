import type { LearnedCounts } from '../../../guards/index.ts'
import type { Database, Queryable } from '../../../storage/index.ts'
import type { Attempt, AttemptRecord, AttemptState } from './attempt.ts'

/** Attempts with the state of their guards, and what was learned of each application on legacy. */
export const GUARDS_SQL = `
create table {schema}.guard_attempts (
  environment text not null,
  flag text not null,
  application_id bigint not null,
  attempt integer not null,
  reason text not null,
  record jsonb not null,
  state jsonb,
  ended_at timestamptz,
  stored_at timestamptz not null default now(),
  primary key (environment, flag, application_id, attempt)
);
create table {schema}.guard_baselines (
  environment text not null,
  application_id bigint not null,
  learned jsonb not null,
  primary key (environment, application_id)
);
`

/** An ended attempt is shown for this long; it stays stored. */
const SHOWN_DAYS = 30
/** Short enough to leave time for renewals of the lease in between. */
const PAGE = 1_000

/** An attempt as it is stored. */
export interface StoredAttempt {
  readonly record: AttemptRecord
  readonly state: AttemptState | null
  /** In milliseconds since the epoch. */
  readonly endedAt: number | undefined
}

/** A row of the table of attempts. */
export interface AttemptRow {
  readonly record: AttemptRecord
  readonly state: AttemptState
  readonly ended_at: string | null
}

/** An application under a flag: its attempts follow one another. */
export type AttemptKey = Pick<AttemptRecord, 'environment' | 'flag' | 'applicationId'>

/** An attempt of the past, by what made it begin. */
export interface PastAttempt extends AttemptKey {
  readonly attempt: number
  readonly reason: string
}

/** The tables of the guards. */
export class GuardStore {
  readonly #database: Database
  readonly #schema: string

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#schema = schema
  }

  /** The latest attempt of each application under each flag, open or ended lately, of one environment or of all. */
  async latestAttempts(environment?: string): Promise<StoredAttempt[]> {
    const rows = await this.#database.query<{
      record: AttemptRecord
      state: AttemptState | null
      ended_at: Date | null
    }>(
      `select distinct on (environment, flag, application_id) record, state, ended_at
        from ${this.#schema}.guard_attempts
        where ($1::text is null or environment = $1)
          and (ended_at is null or ended_at > now() - interval '${SHOWN_DAYS} days')
        order by environment, flag, application_id, attempt desc`,
      [environment ?? null],
    )
    return rows.map(({ record, state, ended_at }) => ({ record, state, endedAt: ended_at?.getTime() }))
  }

  /** All attempts of applications under flags, oldest first. */
  pastAttempts(tx: Queryable, of: readonly AttemptKey[]): Promise<PastAttempt[]> {
    const keys = of.map(({ environment, flag, applicationId }) => ({ environment, flag, id: applicationId }))
    return tx.query<PastAttempt>(
      `select environment, flag, application_id as "applicationId", attempt, reason
        from ${this.#schema}.guard_attempts
        where (environment, flag, application_id) in
          (select key.environment, key.flag, key.id
            from jsonb_to_recordset($1::jsonb) as key (environment text, flag text, id bigint))
        order by attempt`,
      [JSON.stringify(keys)],
    )
  }

  /** Calls `on` with what was learned of each application. */
  async eachBaseline(on: (environment: string, applicationId: number, learned: LearnedCounts) => void): Promise<void> {
    for (let environment = '', last = 0; ; ) {
      const page = await this.#database.query<{ environment: string; application_id: number; learned: LearnedCounts }>(
        `select environment, application_id, learned from ${this.#schema}.guard_baselines
          where (environment, application_id) > ($1, $2) order by environment, application_id limit ${PAGE}`,
        [environment, last],
      )
      for (const row of page) on(row.environment, row.application_id, row.learned)
      const end = page.at(-1)
      if (end === undefined || page.length < PAGE) return
      environment = end.environment
      last = end.application_id
    }
  }

  /** Attempts with their present state, ready to be stored. */
  attemptRows(attempts: readonly Attempt[], hasLosses: boolean): readonly AttemptRow[] {
    return attempts.map((attempt) => ({
      record: attempt.record,
      state: attempt.save(hasLosses),
      ended_at: attempt.endedAt === undefined ? null : new Date(attempt.endedAt).toISOString(),
    }))
  }

  /** Stores attempts, and whether they have ended. */
  async saveAttempts(tx: Queryable, rows: readonly AttemptRow[]): Promise<void> {
    if (rows.length === 0) return
    await tx.query(
      `insert into ${this.#schema}.guard_attempts
          (environment, flag, application_id, attempt, reason, record, state, ended_at)
        select record ->> 'environment', record ->> 'flag', (record ->> 'applicationId')::bigint,
          (record ->> 'attempt')::integer, record ->> 'reason', record, state, ended_at
        from jsonb_to_recordset($1::jsonb) as given (record jsonb, state jsonb, ended_at timestamptz)
        on conflict (environment, flag, application_id, attempt)
          do update set state = excluded.state, ended_at = excluded.ended_at, stored_at = now()`,
      [JSON.stringify(rows)],
    )
  }

  /** Stores what was learned of applications. */
  async saveBaselines(
    tx: Queryable,
    environment: string,
    learned: ReadonlyArray<readonly [number, LearnedCounts | undefined]>,
  ): Promise<void> {
    const rows = learned.flatMap(([application_id, counts]) => (counts ? [{ application_id, learned: counts }] : []))
    if (rows.length === 0) return
    await tx.query(
      `insert into ${this.#schema}.guard_baselines (environment, application_id, learned)
        select $1, application_id, learned
        from jsonb_to_recordset($2::jsonb) as given (application_id bigint, learned jsonb)
        on conflict (environment, application_id) do update set learned = excluded.learned`,
      [environment, JSON.stringify(rows)],
    )
  }

  /** Removes what is stored of an application that no longer exists; its attempts stay as a record, ended. */
  async forget(tx: Queryable, applicationId: number): Promise<void> {
    await tx.query(`delete from ${this.#schema}.guard_baselines where application_id = $1`, [applicationId])
    await tx.query(
      `update ${this.#schema}.guard_attempts set ended_at = now() where application_id = $1 and ended_at is null`,
      [applicationId],
    )
  }
}
