import type { Database, Queryable } from '../../storage/index.ts'
import { type Progress, SIDE_EFFECT_KINDS, type SideEffectKind } from './adapter.ts'
import type { FlagEvent } from './flag-event.ts'

/** The state of an effect. `dead` means that it was given up. */
export const SIDE_EFFECT_STATES = ['waiting', 'done', 'dead'] as const
export type SideEffectState = (typeof SIDE_EFFECT_STATES)[number]

/** A stored effect. */
export interface StoredSideEffect {
  readonly id: number
  readonly kind: SideEffectKind
  readonly event: FlagEvent
  readonly state: SideEffectState
  readonly progress: Progress
  readonly attempts: number
  readonly last_error: string | null
  readonly created_at: Date
  readonly next_attempt_at: Date
}

/** In the progress of a step that may have run already, and is not repeated until a person has checked. */
export const MAY_HAVE_RUN = 'may_have_run'

/** How long done and dropped effects are kept. */
const KEPT_DAYS = 30
/** How long a replica that crashes during a step delays it; every step ends well before that. */
const CLAIM_SECONDS = 30
const COLUMNS = 'id, kind, event, state, progress, attempts, last_error, created_at, next_attempt_at'

/** The pending, completed and given-up effects, in the database. */
export class SideEffectOutbox {
  readonly #database: Database
  readonly #table: string

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#table = `${schema}.effects`
  }

  /** Adds the effects of an event, within the transaction that makes the change. */
  async add(tx: Queryable, event: FlagEvent, kinds: readonly SideEffectKind[]): Promise<void> {
    if (kinds.length === 0) return
    await tx.query(`insert into ${this.#table} (kind, event) select unnest($1::text[]), $2::jsonb`, [
      kinds,
      JSON.stringify(event),
    ])
  }

  /** Claims the oldest due effect of these kinds for a limited time; undefined if there is none. */
  async claim(kinds: readonly SideEffectKind[]): Promise<StoredSideEffect | undefined> {
    const [row] = await this.#database.query<StoredSideEffect>(
      `update ${this.#table} set claimed_until = now() + $2 * interval '1 second' where id = (
         select id from ${this.#table} where state = 'waiting' and next_attempt_at <= now() and claimed_until <= now()
           and kind = any($1::text[]) order by next_attempt_at, id limit 1 for update skip locked)
       returning ${COLUMNS}`,
      [kinds, CLAIM_SECONDS],
    )
    return row
  }

  /** Records that a step has started, or that it had no effect. */
  async note(id: number, progress: Progress): Promise<void> {
    await this.#database.query(`update ${this.#table} set progress = $2 where id = $1`, [id, JSON.stringify(progress)])
  }

  /** Records a completed step. */
  async advance(id: number, progress: Progress, waitMs: number): Promise<void> {
    await this.#database.query(
      `update ${this.#table} set progress = $2, attempts = 0, last_error = null, claimed_until = now(),
         next_attempt_at = now() + $3 * interval '1 millisecond' where id = $1`,
      [id, JSON.stringify(progress), waitMs],
    )
  }

  /** Ends an effect: completed, or given up for a reason. */
  async end(id: number, state: 'done' | 'dead', error: string | null): Promise<void> {
    await this.#database.query(
      `update ${this.#table} set state = $2, last_error = $3, ended_at = now(),
         attempts = attempts + case when $2 = 'dead' then 1 else 0 end where id = $1`,
      [id, state, error],
    )
  }

  /** Records a failure after which the step is retried. */
  async postpone(id: number, error: string, waitMs: number): Promise<void> {
    await this.#database.query(
      `update ${this.#table} set attempts = attempts + 1, last_error = $2, claimed_until = now(),
         next_attempt_at = now() + $3 * interval '1 millisecond' where id = $1`,
      [id, error, waitMs],
    )
  }

  /** The newest effects in one state, or in all, newest first. */
  list(state: SideEffectState | undefined, limit: number): Promise<StoredSideEffect[]> {
    return this.#database.query<StoredSideEffect>(
      `select ${COLUMNS} from ${this.#table} where $1::text is null or state = $1 order by id desc limit $2`,
      [state ?? null, limit],
    )
  }

  /**
   * Retries an effect that was given up from its last step, because a person has checked it; undefined if there is
   * none.
   */
  async retry(id: number): Promise<StoredSideEffect | undefined> {
    const [row] = await this.#database.query<StoredSideEffect>(
      `update ${this.#table} set state = 'waiting', attempts = 0, next_attempt_at = now(), claimed_until = now(),
         progress = progress - '${MAY_HAVE_RUN}', ended_at = null where id = $1 and state = 'dead' returning ${COLUMNS}`,
      [id],
    )
    return row
  }

  /** Drops an effect that was given up; false if there is none. */
  async drop(id: number): Promise<boolean> {
    const rows = await this.#database.query(
      `delete from ${this.#table} where id = $1 and state = 'dead' returning id`,
      [id],
    )
    return rows.length === 1
  }

  /** How many effects are waiting and how many were given up. */
  async counts(): Promise<Readonly<Record<'waiting' | 'dead', number>>> {
    const rows = await this.#database.query<{ state: SideEffectState; count: number }>(
      `select state, count(*)::int as count from ${this.#table} where state <> 'done' group by state`,
    )
    const of = (state: SideEffectState) => rows.find((row) => row.state === state)?.count ?? 0
    return { waiting: of('waiting'), dead: of('dead') }
  }

  /** Removes effects that ended long ago. */
  async prune(): Promise<void> {
    await this.#database.query(
      `delete from ${this.#table} where state = 'done' and ended_at < now() - interval '${KEPT_DAYS} days'`,
    )
  }
}

/** The table. */
export const SIDE_EFFECTS_SQL = `
create table {schema}.effects (
  id bigint generated always as identity primary key,
  kind text not null check (kind in (${SIDE_EFFECT_KINDS.map((kind) => `'${kind}'`).join(', ')})),
  event jsonb not null,
  state text not null default 'waiting',
  progress jsonb not null default '{}',
  attempts integer not null default 0,
  last_error text,
  created_at timestamptz not null default now(),
  next_attempt_at timestamptz not null default now(),
  claimed_until timestamptz not null default now(),
  ended_at timestamptz
);
create index effects_due on {schema}.effects (next_attempt_at) where state = 'waiting';
create index effects_by_state on {schema}.effects (state, id);
`
