import type { Environment } from '../../../flags/index.ts'
import {
  type Course,
  type ProblemFact,
  type Rollout,
  type RolloutEvent,
  type RolloutEventKind,
  readPlanObject,
} from '../../../rollouts/index.ts'
import type { Queryable } from '../../../storage/index.ts'

/** What the leader last said of a rollout's future; pages and the API show it until the next decision. */
export interface Forecast {
  /** Sentences. */
  readonly waiting_for?: readonly string[]
  /** ISO 8601; null while unknown. */
  readonly earliest_next_at?: string | null
  /** By step: what it moves, or moved. */
  readonly steps?: ReadonlyArray<{ readonly applications: number; readonly traffic_share: number | null }>
  /** The kind of wait that was last reported as an event, so that it is reported once. */
  readonly signature?: string
  /** The version of the rollout that it is about. */
  readonly at_version?: number
}

/** A rollout with what is stored of it besides its course. */
export interface StoredRollout extends Rollout {
  /** The plan as it was written. */
  readonly written: Readonly<Record<string, unknown>>
  readonly forecast: Forecast
  readonly reason: string | null
  readonly createdBy: string
  readonly createdAt: Date
  readonly changedAt: Date
}

/** An event to add to a rollout's timeline. */
export interface NewEvent {
  readonly by: string
  readonly kind: RolloutEventKind
  readonly sentence: string
  readonly evidence?: unknown
}

/** A part of a timeline. */
export interface EventPage {
  /** Only events after this number. */
  readonly after?: number | undefined
  /** Only events before this number. */
  readonly before?: number | undefined
  /** Which end comes first, and is kept when there are more than `limit`. Default: the oldest. */
  readonly order?: 'oldest' | 'newest' | undefined
  readonly limit: number
}

/** Called for each new event, within its transaction. */
export type OnRolloutEvent = (tx: Queryable, rolloutId: number, event: NewEvent & { number: number }) => Promise<void>

interface Row {
  readonly id: number
  readonly version: number
  readonly written: Readonly<Record<string, unknown>>
  readonly course: Course
  readonly elapsed_ms: number
  readonly watch_left_ms: number
  readonly forecast: Forecast
  readonly reason: string | null
  readonly created_by: string
  readonly created_at: Date
  readonly changed_at: Date
}

const COLUMNS =
  'id, version, written, course, elapsed_ms, watch_left_ms, forecast, reason, created_by, created_at, changed_at'
const MAX_EVIDENCE = 64 * 1024

/** Rollouts, their timelines and reported problems, in the database. */
export class RolloutStore {
  readonly #schema: string
  readonly #onEvent: OnRolloutEvent

  constructor(schema: string, onEvent: OnRolloutEvent = async () => {}) {
    this.#schema = schema
    this.#onEvent = onEvent
  }

  /** Adds a rollout in state `draft`; returns its id. */
  async insert(
    tx: Queryable,
    rollout: {
      readonly written: Readonly<Record<string, unknown>>
      readonly plan: Rollout['plan']
      readonly course: Course
      readonly reason: string | undefined
      readonly by: string
    },
  ): Promise<number> {
    const { plan, course, written, reason, by } = rollout
    const [row] = await tx.query<{ id: number }>(
      `insert into ${this.#schema}.rollouts (name, environment, flag, state, written, course, reason, created_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
      [
        ...[plan.name, plan.environment, plan.flag, course.state, JSON.stringify(written), JSON.stringify(course)],
        ...[reason ?? null, by],
      ],
    )
    if (row === undefined) throw new Error('the new rollout was not stored')
    return row.id
  }

  /**
   * Writes what a decision or an action made of a rollout, with its event, if the rollout still has the version that it
   * was read with. Resolves to the new version; undefined, with nothing written, when something else came first. The
   * counted time and watch are written only when they are given, because the leader counts at the same time.
   */
  async save(
    tx: Queryable,
    { id, version }: Pick<Rollout, 'id' | 'version'>,
    course: Course,
    event: NewEvent | undefined,
    counted: { readonly elapsedMs?: number; readonly watchLeftMs?: number } = {},
  ): Promise<number | undefined> {
    const [row] = await tx.query<{ version: number }>(
      `update ${this.#schema}.rollouts set course = $3, state = $4, version = version + 1, changed_at = now(),
         elapsed_ms = coalesce($5, elapsed_ms), watch_left_ms = coalesce($6, watch_left_ms)
        where id = $1 and version = $2 returning version`,
      [id, version, JSON.stringify(course), course.state, counted.elapsedMs ?? null, counted.watchLeftMs ?? null],
    )
    if (row !== undefined && event !== undefined) await this.addEvent(tx, id, event)
    return row?.version
  }

  /** Adds an event to a timeline; changes no version. */
  async addEvent(tx: Queryable, id: number, event: NewEvent): Promise<void> {
    const [row] = await tx.query<{ number: number }>(
      `update ${this.#schema}.rollouts set events = events + 1 where id = $1 returning events as number`,
      [id],
    )
    if (row === undefined) throw new Error(`there is no rollout ${id}`)
    const { by, kind, sentence } = event
    await tx.query(
      `insert into ${this.#schema}.rollout_events (rollout_id, number, by, kind, sentence, evidence)
        values ($1, $2, $3, $4, $5, $6)`,
      [id, row.number, by, kind, sentence, bounded(event.evidence)],
    )
    await this.#onEvent(tx, id, { ...event, number: row.number })
  }

  async read(on: Queryable, id: number): Promise<StoredRollout | undefined> {
    const [row] = await on.query<Row>(`select ${COLUMNS} from ${this.#schema}.rollouts where id = $1`, [id])
    return row && rolloutOf(row)
  }

  /** The newest rollouts, of one environment or of all, in some states or in all. */
  async list(
    on: Queryable,
    filter: {
      readonly environment?: Environment | undefined
      readonly states?: readonly Rollout['state'][] | undefined
      readonly limit: number
    },
  ): Promise<StoredRollout[]> {
    const rows = await on.query<Row>(
      `select ${COLUMNS} from ${this.#schema}.rollouts
        where ($1::text is null or environment = $1) and ($2::text[] is null or state = any($2))
        order by id desc limit $3`,
      [filter.environment ?? null, filter.states ?? null, filter.limit],
    )
    return rows.map(rolloutOf)
  }

  /** The events of a rollout after a number, or before one: oldest or newest first. */
  async events(on: Queryable, id: number, page: EventPage): Promise<RolloutEvent[]> {
    const { after = 0, before, order = 'oldest', limit } = page
    const rows = await on.query<Omit<RolloutEvent, 'at' | 'rolloutId'> & { at: Date }>(
      `select number, at, by, kind, sentence, evidence from ${this.#schema}.rollout_events
        where rollout_id = $1 and number > $2 and ($3::int is null or number < $3)
        order by number ${order === 'newest' ? 'desc' : 'asc'} limit $4`,
      [id, after, before ?? null, limit],
    )
    return rows.map((row) => ({ ...row, rolloutId: id, at: row.at.toISOString() }))
  }

  /** Adds monotonic time to what rollouts count: to watches always, to steps and soaks while they are not held. */
  async addTime(tx: Queryable, ms: number): Promise<void> {
    await tx.query(
      `update ${this.#schema}.rollouts set watch_left_ms = greatest(0, watch_left_ms - $1),
         elapsed_ms = elapsed_ms + case when state in ('waiting', 'running', 'soaking') then $1::double precision else 0 end
        where state in ('waiting', 'running', 'held', 'paused', 'soaking')`,
      [ms],
    )
  }

  /** Writes whether a rollout runs or waits; that is no decision, so its version stays. */
  async saveState(
    tx: Queryable,
    { id, version }: Pick<Rollout, 'id' | 'version'>,
    state: Rollout['state'],
  ): Promise<void> {
    await tx.query(
      `update ${this.#schema}.rollouts set state = $3, course = jsonb_set(course, '{state}', to_jsonb($3::text))
        where id = $1 and version = $2`,
      [id, version, state],
    )
  }

  /** Writes a forecast if the rollout still has the version that it is about; false, with nothing written, otherwise. */
  async saveForecast(
    tx: Queryable,
    { id, version }: Pick<Rollout, 'id' | 'version'>,
    forecast: Forecast,
  ): Promise<boolean> {
    const rows = await tx.query(
      `update ${this.#schema}.rollouts set forecast = $3 where id = $1 and version = $2 returning id`,
      [id, version, JSON.stringify(forecast)],
    )
    return rows.length > 0
  }

  /** Records a customer's report; returns its id. */
  async insertProblem(
    tx: Queryable,
    problem: Omit<ProblemFact, 'id'> & { readonly environment: Environment },
  ): Promise<number> {
    const [row] = await tx.query<{ id: number }>(
      `insert into ${this.#schema}.rollout_problems (environment, application_id, reason, reported_by)
        values ($1, $2, $3, $4) returning id`,
      [problem.environment, problem.applicationId, problem.reason, problem.reportedBy],
    )
    if (row === undefined) throw new Error('the problem was not stored')
    return row.id
  }

  /** Closes the open problems of an application, because a person tries it again. */
  async closeProblems(tx: Queryable, environment: Environment, applicationId: number, by: string): Promise<void> {
    await tx.query(
      `update ${this.#schema}.rollout_problems set closed_by = $3, closed_at = now()
        where environment = $1 and application_id = $2 and closed_at is null`,
      [environment, applicationId, by],
    )
  }

  /** The open problems of an environment, oldest first. */
  openProblems(on: Queryable, environment: Environment): Promise<ProblemFact[]> {
    return on.query<ProblemFact>(
      `select id, application_id as "applicationId", reason, reported_by as "reportedBy"
        from ${this.#schema}.rollout_problems where environment = $1 and closed_at is null order by id limit 1000`,
      [environment],
    )
  }

  /** End-to-end pipelines that failed after a change of a flag, after an effect, oldest first. */
  failedPipelines(
    on: Queryable,
    environment: Environment,
    flag: string,
    after: number,
  ): Promise<Array<{ readonly id: number; readonly status: string; readonly url: string }>> {
    return on.query(
      `select id, progress ->> 'status' as status, progress ->> 'web_url' as url from ${this.#schema}.effects
        where kind = 'pipeline' and id > $3 and event ->> 'environment' = $1 and event ->> 'name' = $2
          and progress ->> 'status' in ('failed', 'canceled') order by id limit 20`,
      [environment, flag, after],
    )
  }

  /** The newest drill of an environment, so that later ones can be distinguished from earlier ones. */
  async newestDrill(on: Queryable, environment: Environment): Promise<number> {
    const [row] = await on.query<{ id: number }>(
      `select coalesce(max(id), 0) as id from ${this.#schema}.drills where environment = $1 and drill = 'guard'`,
      [environment],
    )
    return Number(row?.id ?? 0)
  }

  /** The newest effect, so that later pipelines can be distinguished from earlier ones. */
  async newestEffect(on: Queryable): Promise<number> {
    const [row] = await on.query<{ id: number }>(`select coalesce(max(id), 0) as id from ${this.#schema}.effects`)
    return Number(row?.id ?? 0)
  }
}

function rolloutOf(row: Row): StoredRollout {
  const { course, written, watch_left_ms: leftMs } = row
  const read = readPlanObject(written, { now: undefined, allowsShort: true })
  if ('faults' in read) throw new Error(`the plan of rollout ${row.id} cannot be read`)
  return {
    ...course,
    watch: course.watch === undefined ? undefined : { by: course.watch.by, leftMs },
    elapsedMs: row.elapsed_ms,
    ...{ id: row.id, version: row.version, plan: read.plan, written, forecast: row.forecast, reason: row.reason },
    ...{ createdBy: row.created_by, createdAt: row.created_at, changedAt: row.changed_at },
  }
}

/** Evidence as JSON; one that is too large is replaced, never cut. */
function bounded(evidence: unknown): string | null {
  if (evidence === undefined || evidence === null) return null
  const json = JSON.stringify(evidence)
  return json.length <= MAX_EVIDENCE ? json : JSON.stringify({ left_out: `${json.length} characters` })
}
