import type { Database, Queryable } from '../../../storage/index.ts'
import type { ChannelName } from './channel.ts'

/** A channel that has not yet reported all events of a rollout, claimed by this replica. */
export interface DueCursor {
  readonly channel: ChannelName
  readonly rollout_id: number
  /** The number of the last event that was reported, or that concerned no receiver. */
  readonly told: number
  /** The number of the newest event. */
  readonly newest: number
  readonly thread: string | null
  readonly attempts: number
}

/** How long a replica that crashes while sending delays a message. */
const CLAIM_SECONDS = 60
const KEPT_DAYS = 90

/**
 * How far each channel has reported the events of each rollout. The events themselves stay in the timeline, so a channel
 * that is unavailable for a day accumulates nothing: afterwards, one message tells what happened.
 */
export class NotificationCursors {
  readonly #database: Database
  readonly #table: string

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#table = `${schema}.notification_cursors`
  }

  /** Notes a new event, within the transaction that writes it. */
  async note(tx: Queryable, channels: readonly ChannelName[], rolloutId: number, number: number): Promise<void> {
    if (channels.length === 0) return
    await tx.query(
      `insert into ${this.#table} as known (channel, rollout_id, told, newest)
         select unnest($1::text[]), $2, $3::integer - 1, $3
       on conflict (channel, rollout_id) do update set newest = greatest(known.newest, excluded.newest)`,
      [channels, rolloutId, number],
    )
  }

  /** Claims the longest waiting cursor of a channel; undefined if nothing is due. */
  async claim(channel: ChannelName): Promise<DueCursor | undefined> {
    const [row] = await this.#database.query<DueCursor>(
      `update ${this.#table} set claimed_until = now() + $2 * interval '1 second'
         where (channel, rollout_id) = (
           select channel, rollout_id from ${this.#table}
             where channel = $1 and told < newest and next_at <= now() and claimed_until <= now()
             order by next_at, rollout_id limit 1 for update skip locked)
       returning channel, rollout_id, told, newest, thread, attempts`,
      [channel, CLAIM_SECONDS],
    )
    return row
  }

  /** Moves a cursor on; the next message about the rollout waits for `pauseMs`. */
  async advance({ channel, rollout_id, newest }: DueCursor, thread: string | null, pauseMs: number): Promise<void> {
    await this.#database.query(
      `update ${this.#table} set told = $3, thread = $4, attempts = 0, last_error = null, claimed_until = now(),
         next_at = now() + $5 * interval '1 millisecond' where channel = $1 and rollout_id = $2`,
      [channel, rollout_id, newest, thread, pauseMs],
    )
  }

  /** Records a failed message; it is tried again, together with what happens until then. */
  async postpone({ channel, rollout_id }: DueCursor, error: string, pauseMs: number): Promise<void> {
    await this.#database.query(
      `update ${this.#table} set attempts = attempts + 1, last_error = $3, claimed_until = now(),
         next_at = now() + $4 * interval '1 millisecond' where channel = $1 and rollout_id = $2`,
      [channel, rollout_id, error, pauseMs],
    )
  }

  /** By channel: how many rollouts have untold events, for how many the last attempt failed, and the first error. */
  counts(): Promise<
    ReadonlyArray<{ channel: ChannelName; waiting: number; failing: number; last_error: string | null }>
  > {
    return this.#database.query(
      `select channel, count(*)::int as waiting, (count(*) filter (where attempts > 0))::int as failing,
         (array_agg(last_error order by next_at) filter (where attempts > 0))[1] as last_error
         from ${this.#table} where told < newest group by channel`,
    )
  }

  /** Removes the cursors of rollouts that ended long ago. */
  async prune(): Promise<void> {
    await this.#database.query(
      `delete from ${this.#table} where told = newest and next_at < now() - interval '${KEPT_DAYS} days'`,
    )
  }
}

/** The table. */
export const NOTIFICATIONS_SQL = `
create table {schema}.notification_cursors (
  channel text not null,
  rollout_id integer not null,
  told integer not null,
  newest integer not null,
  thread text,
  attempts integer not null default 0,
  last_error text,
  next_at timestamptz not null default now(),
  claimed_until timestamptz not null default now(),
  primary key (channel, rollout_id)
);
create index notification_cursors_due on {schema}.notification_cursors (channel, next_at) where told < newest;
`
