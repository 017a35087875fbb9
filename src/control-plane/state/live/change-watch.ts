import { isDeepStrictEqual } from 'node:util'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import type { Log } from '../../../observability/index.ts'
import { ACTIVE_STATES } from '../../../rollouts/index.ts'
import { readEntries } from '../../audit/audit-log.ts'
import { applicationReports } from '../../gateways/application-reports.ts'
import type { GatewayRecord } from '../../gateways/gateway-record.ts'
import type { GatewayRegistry } from '../../gateways/gateway-registry.ts'
import type { ChangeFeed } from '../feed.ts'
import type { Store } from '../store.ts'
import { type Changed, TOPICS, topicsOfChange, topicsOfEntry } from './topics.ts'

const POLL_MS = 500
/** Gateways report every 2 s. */
const GATEWAYS_MS = 2_000
/** Outcomes are stored every second; pages that show them are not read again more often than this. */
const OUTCOMES_MS = 5_000
/** When more entries than this were written between two reads, everything counts as changed. */
const MOST_ENTRIES = 500

/** What the watch reads. */
export interface WatchSources {
  readonly store: Store
  readonly feed: ChangeFeed
  readonly gateways: GatewayRegistry
  readonly log: Log
}

/** Marks in the database that move with what they stand for. */
interface Marks {
  readonly now: number
  readonly audit_number: number
  readonly outcomes: string
  readonly effects: string
  /** Id, environment, and what changes with the rollout. */
  readonly rollouts: ReadonlyArray<readonly [number, Environment, string]>
}

/**
 * Reports what changes on any replica, while it runs: flags, brake and applications as the feed receives them, everything
 * else by marks that it reads twice a second in one statement.
 */
export class ChangeWatch {
  readonly #sources: WatchSources
  readonly #tell: (changed: Changed) => void
  #marks: Marks | undefined
  #gateways = new Map<Environment, unknown>()
  #outcomesAt = Number.NEGATIVE_INFINITY
  #outcomesDue = false
  #gatewaysAt = Number.NEGATIVE_INFINITY
  #offsetMs = Date.now() - performance.now()
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> | undefined
  #unsubscribe: (() => void) | undefined
  #isRunning = false
  #isFailing = false

  constructor(sources: WatchSources, tell: (changed: Changed) => void) {
    this.#sources = sources
    this.#tell = tell
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Milliseconds since 1970 by the database's clock, which all replicas share. */
  now(): number {
    return performance.now() + this.#offsetMs
  }

  /** Starts to watch; resolves when the state to compare with has been read, or the database does not answer. */
  async start(): Promise<void> {
    if (!this.#isRunning) {
      this.#isRunning = true
      this.#unsubscribe = this.#sources.feed.subscribe((step) =>
        this.#tell(step === undefined ? { environment: undefined, topics: TOPICS } : topicsOfChange(step.change)),
      )
      this.#poll()
    }
    await this.#polling
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#unsubscribe?.()
    clearTimeout(this.#timer)
    await this.#polling
    // A watch that has started again compares with them.
    if (this.#isRunning) return
    this.#marks = undefined
    this.#gateways.clear()
  }

  #poll(): void {
    const { log } = this.#sources
    const polling = this.#read()
      .then(
        () => {
          this.#isFailing = false
        },
        (error: unknown) => {
          if (!this.#isFailing) log.warn({ err: error }, 'changes for the console cannot be read')
          this.#isFailing = true
        },
      )
      .finally(() => {
        // A poll from before the watch stopped and started again has no successor.
        if (this.#isRunning && this.#polling === polling) this.#timer = setTimeout(() => this.#poll(), POLL_MS)
      })
    this.#polling = polling
  }

  async #read(): Promise<void> {
    const held = this.#marks
    const marks = await this.#readMarks()
    this.#offsetMs = marks.now - performance.now()
    this.#marks = marks
    if (performance.now() - this.#gatewaysAt >= GATEWAYS_MS) {
      this.#gatewaysAt = performance.now()
      this.#compareGateways(await this.#sources.gateways.all())
    }
    if (held === undefined) return
    if (marks.audit_number !== held.audit_number) await this.#tellEntries(held.audit_number, marks.audit_number)
    this.#tellRollouts(held, marks)
    if (marks.effects !== held.effects) this.#tell({ environment: undefined, topics: ['side_effects', 'status'] })
    this.#outcomesDue ||= marks.outcomes !== held.outcomes
    if (!this.#outcomesDue || performance.now() - this.#outcomesAt < OUTCOMES_MS) return
    this.#outcomesDue = false
    this.#outcomesAt = performance.now()
    this.#tell({ environment: undefined, topics: ['outcomes', 'guards'] })
  }

  async #readMarks(): Promise<Marks> {
    const { schema, database } = this.#sources.store
    const [row] = await database.query<Marks>(
      {
        name: `${schema}_console_marks`,
        text: `select (extract(epoch from clock_timestamp()) * 1000)::double precision as now, c.audit_number,
          (select stored from ${schema}.outcome_store) as outcomes,
          (select concat_ws(' ', count(*), sum(attempts), count(*) filter (where state = 'dead'),
             (select max(id) from ${schema}.effects)) from ${schema}.effects where state <> 'done') as effects,
          (select coalesce(json_agg(json_build_array(id, environment,
             concat_ws(' ', version, events, state, md5(forecast::text)))), '[]') from ${schema}.rollouts
             where state = any('{${ACTIVE_STATES.join(',')}}') or changed_at > now() - interval '1 minute') as rollouts
          from ${schema}.clock c`,
      },
      [],
    )
    if (row === undefined) throw new Error(`schema ${schema} has no clock`)
    return row
  }

  async #tellEntries(after: number, newest: number): Promise<void> {
    // After a restored backup the number may be smaller than before.
    if (newest < after || newest - after > MOST_ENTRIES) return this.#tell({ environment: undefined, topics: TOPICS })
    for (const { entry } of await readEntries(this.#sources.store, {}, { after }, MOST_ENTRIES)) {
      this.#tell(topicsOfEntry(entry))
    }
  }

  #tellRollouts(held: Marks, marks: Marks): void {
    const before = new Map(held.rollouts.map(([id, , mark]) => [id, mark]))
    for (const [id, environment, mark] of marks.rollouts) {
      if (before.get(id) === mark || before.get(id) === undefined) continue
      this.#tell({ environment, topics: ['rollouts', `rollouts/${id}`] })
    }
  }

  #compareGateways(records: readonly GatewayRecord[]): void {
    for (const environment of ENVIRONMENTS) {
      const shown = shownOf(records, environment)
      const held = this.#gateways.get(environment)
      this.#gateways.set(environment, shown)
      if (held !== undefined && !isDeepStrictEqual(held, shown))
        this.#tell({ environment, topics: ['gateways', 'status', 'applications'] })
    }
  }
}

/** The part of the reports that pages show and that does not change with every report. */
function shownOf(records: readonly GatewayRecord[], environment: Environment): unknown {
  const own = records.filter((record) => record.environment === environment)
  const gateways = own.map(({ instance, isConnected, snapshotVersion, behindMs, isCircuitOpen, isBrakeOn }) => ({
    ...{ instance, isConnected, snapshotVersion, isCircuitOpen, isBrakeOn },
    isBehind: (behindMs ?? 0) > 0,
  }))
  const troubles = [...applicationReports(own, environment)]
    .filter(([, { isFailing, circuitOpenAt }]) => isFailing || circuitOpenAt.length > 0)
    .map(([id, { isFailing, circuitOpenAt }]) => [id, isFailing, circuitOpenAt])
  return { gateways, troubles }
}
