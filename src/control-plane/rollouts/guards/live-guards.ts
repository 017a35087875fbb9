import { ENVIRONMENTS } from '../../../flags/index.ts'
import type { GuardJudgement, GuardReading, PooledReading } from '../../../guards/index.ts'
import type { Log } from '../../../observability/index.ts'
import type { OutcomeChange } from '../../../outcomes/index.ts'
import type { Queryable } from '../../../storage/index.ts'
import { Renewed } from '../../explain/renewed.ts'
import type { ChangeFeed, FeedListener } from '../../state/feed.ts'
import type { Store } from '../../state/store.ts'
import type { Leadership } from '../leadership/leadership.ts'
import type { Attempt } from './attempt.ts'
import { Cohorts } from './cohorts.ts'
import { EnvironmentGuards } from './environment-guards.ts'
import { type AttemptKey, GuardStore, type PastAttempt } from './guard-store.ts'
import { ATTEMPTS_AT_ONCE, type AttemptRequest, beginsNewAttempt, type Guards } from './guards.ts'
import { type QueryGuard, type QueryReading, type QueryServer, readQuery } from './metric-query.ts'

/** Evidence against an application is stored with the next counts, everything else at this interval. */
const STORE_MS = 10_000
/** Baselines are large and change slowly. */
const BASELINES_MS = 60_000
const BASELINES_AT_ONCE = 2_000
const PASS_BOUND = 0.1
/** How long one copy of what the leader stored serves all who ask a replica that does not lead. */
const COPY_MS = 2_000
/** Changes that wait while the state is read after a change of leader. */
const MOST_WAITING = 1_000_000
/** The number of these that are taken without a pause. */
const AT_ONCE = 1_000

/** The outcomes of all gateways, in order, on the replica that leads. */
export interface OutcomeSource {
  subscribe(on: (change: OutcomeChange) => void): () => void
  /** Runs what `collect` returns in the transaction that stores the counts up to the same change. */
  storeWith(collect: () => ((tx: Queryable) => Promise<void>) | 'not_yet' | undefined): () => void
}

/** What the guards depend on. */
export interface GuardsContext {
  readonly store: Store
  readonly leadership: Leadership
  readonly outcomes: OutcomeSource
  readonly feed: ChangeFeed
  readonly log: Log
  /** Where PromQL queries are asked; without it they are never answered. */
  readonly queryServer?: QueryServer | undefined
  readonly now?: () => number
  /** The limit of changes that wait while the state is read. Default: 1,000,000. */
  readonly mostWaiting?: number
}

/**
 * The guards, fed with outcomes on the replica that leads. Their state is stored in the transaction that acknowledges the
 * outcomes, so that a new leader continues with neither a gap nor an outcome counted twice. What other replicas show, they
 * read from there.
 */
export class LiveGuards implements Guards {
  readonly #context: GuardsContext
  readonly #store: GuardStore
  readonly #cohorts: Cohorts
  readonly #now: () => number
  readonly #environments = new Map<string, EnvironmentGuards>()
  /** On a replica that does not lead: what the leader stored, by environment. */
  readonly #copies = new Renewed((environment: string) => this.#copyOf(environment), {
    ...{ freshMs: COPY_MS, usableMs: COPY_MS, most: ENVIRONMENTS.length },
  })
  readonly #listeners = new Set<(environment: string, applicationId: number) => void>()
  readonly #ends: Array<() => void>
  /** Changes that arrive before the stored state has been read; undefined once it has. */
  #waiting: OutcomeChange[] | undefined = []
  /** Changes beyond the limit of those that wait, by environment: they count as lost. */
  readonly #dropped = new Map<string, number>()
  /** Whether reading the stored state has failed since this replica leads. */
  #hasFailed = false
  /** The term of leadership that everything in memory belongs to; undefined while another replica leads. */
  #term: number | undefined
  #loading: Promise<void> = Promise.resolve()
  /** Attempts begin and end one after the other. */
  #writing: Promise<void> = Promise.resolve()
  #stored: { readonly again: () => ReadonlySet<Attempt> } | undefined
  #storedAt = 0
  #baselinesAt = 0

  constructor(context: GuardsContext) {
    this.#context = context
    const { store, leadership, outcomes, feed, now } = context
    this.#store = new GuardStore(store.database, store.schema)
    this.#cohorts = new Cohorts(store, context.log)
    this.#now = now ?? Date.now
    this.#ends = [
      leadership.subscribe(() => this.#follow()),
      outcomes.subscribe((change) => this.#take(change)),
      outcomes.storeWith(() => this.#collect()),
      feed.subscribe((step) => this.#followApplications(step)),
    ]
    this.#follow()
  }

  /** Resolves when the stored state has been read, if this replica leads. */
  ready(): Promise<void> {
    return this.#loading
  }

  begin(...requests: readonly AttemptRequest[]): Promise<void> {
    return this.#inTurn(() => this.#begin(requests))
  }

  end(environment: string, flag: string, ...applicationIds: readonly number[]): Promise<void> {
    return this.#inTurn(async () => {
      const guards = this.#environment(environment)
      const open = applicationIds.flatMap((id) => {
        const attempt = guards.latest(id, flag)
        return attempt === undefined || attempt.endedAt !== undefined ? [] : [attempt]
      })
      if (open.length === 0) return
      for (const attempt of open) attempt.endedAt = this.#now()
      await this.#write(open, () => {
        for (const attempt of open) attempt.endedAt = undefined
      })
    })
  }

  async renew(environment: string, reason: string, before: number): Promise<void> {
    await this.#loading
    const older = [...this.#environment(environment).attempts()].filter(
      ({ endedAt, record }) => endedAt === undefined && record.beganAt < before,
    )
    for (let begun = 0; begun < older.length; begun += ATTEMPTS_AT_ONCE) {
      const requests = older.slice(begun, begun + ATTEMPTS_AT_ONCE).map(({ record }) => ({ ...record, reason }))
      await this.begin(...requests)
    }
  }

  readings(environment: string, applicationId?: number): readonly GuardReading[] {
    return this.#environments.get(environment)?.readings(applicationId) ?? []
  }

  async storedReadings(environment: string, applicationId?: number): Promise<readonly GuardReading[]> {
    return (await this.#held(environment))?.readings(applicationId) ?? []
  }

  pooledReadings(environment: string): readonly PooledReading[] {
    return this.#environments.get(environment)?.pooledReadings() ?? []
  }

  async storedPooledReadings(environment: string): Promise<readonly PooledReading[]> {
    return (await this.#held(environment))?.pooledReadings() ?? []
  }

  /** The guards of an environment: those in memory, or a copy of what the leader stored. */
  async #held(environment: string): Promise<EnvironmentGuards | undefined> {
    if (this.#context.leadership.isLeader) {
      await this.#loading
      return this.#environments.get(environment)
    }
    return this.#copies.get(environment)
  }

  async #copyOf(environment: string): Promise<EnvironmentGuards> {
    const copy = new EnvironmentGuards(environment, { ...this.#outside(environment), onLevel: () => {} })
    for (const stored of await this.#store.latestAttempts(environment)) copy.restore(stored)
    return copy
  }

  readQuery(guard: QueryGuard): Promise<QueryReading> {
    return readQuery(this.#context.queryServer, guard)
  }

  judge(environment: string, moved: readonly number[], togetherMs?: number): GuardJudgement {
    return this.#environments.get(environment)?.judge(moved, togetherMs) ?? { do: 'continue' }
  }

  subscribe(on: (environment: string, applicationId: number) => void): () => void {
    this.#listeners.add(on)
    return () => this.#listeners.delete(on)
  }

  /** The environments with guards, for metrics. */
  environments(): Iterable<EnvironmentGuards> {
    return this.#environments.values()
  }

  /** Ends the subscriptions; what is not stored yet was not acknowledged either. */
  async close(): Promise<void> {
    for (const end of this.#ends) end()
    await Promise.allSettled([this.#loading, this.#writing])
  }

  /** Starts over with each term of leadership; a lease that has only lapsed changes nothing of what is known. */
  #follow(): void {
    const { term } = this.#context.leadership
    if (term === this.#term) return
    this.#term = term
    this.#environments.clear()
    this.#stored = undefined
    this.#waiting = []
    this.#dropped.clear()
    this.#hasFailed = false
    if (term !== undefined) this.#loading = this.#load()
  }

  /** Reads the stored state, then what arrived in the meantime. Retries until it succeeds or the term ends. */
  async #load(): Promise<void> {
    const waiting = this.#waiting ?? []
    try {
      await this.#cohorts.load()
      const stored = await this.#store.latestAttempts()
      if (this.#waiting !== waiting) return
      for (const one of stored) this.#environment(one.record.environment).restore(one)
      await this.#store.eachBaseline((environment, applicationId, learned) => {
        if (this.#waiting === waiting) this.#environment(environment).baselines.load(applicationId, learned)
      })
    } catch (error) {
      this.#hasFailed = true
      this.#context.log.error({ err: error }, 'the state of the guards cannot be read; trying again')
      await new Promise((resolve) => setTimeout(resolve, 1_000).unref())
      if (this.#waiting !== waiting) return
      this.#environments.clear()
      return this.#load()
    }
    for (let taken = 0; this.#waiting === waiting && taken < waiting.length; taken += AT_ONCE) {
      for (const change of waiting.slice(taken, taken + AT_ONCE)) this.#apply(change)
      // Renewals of the lease and requests come first.
      await new Promise(setImmediate)
    }
    if (this.#waiting !== waiting) return
    this.#waiting = undefined
    for (const [environment, count] of this.#dropped) this.#apply({ kind: 'lost', environment, count })
    this.#dropped.clear()
  }

  #take(change: OutcomeChange): void {
    if (this.#term === undefined) return
    if (this.#waiting === undefined) this.#apply(change)
    else if (this.#waiting.length < (this.#context.mostWaiting ?? MOST_WAITING)) this.#waiting.push(change)
    else {
      const environment = environmentOf(change)
      const count = change.kind === 'lost' ? change.count : 1
      this.#dropped.set(environment, (this.#dropped.get(environment) ?? 0) + count)
    }
  }

  #apply(change: OutcomeChange): void {
    this.#environment(environmentOf(change)).apply(change)
  }

  /** Collects what changed up to now, to be stored together with the counts of the outcomes up to now. */
  #collect(): ReturnType<Parameters<OutcomeSource['storeWith']>[0]> {
    // What waits is not part of any state yet, so it is not acknowledged; but state that cannot be read stops nothing.
    if (this.#waiting !== undefined) return this.#hasFailed ? undefined : 'not_yet'
    const now = this.#now()
    const storesAll = Math.abs(now - this.#storedAt) >= STORE_MS
    const storesBaselines = Math.abs(now - this.#baselinesAt) >= BASELINES_MS
    const again = this.#stored?.again() ?? new Set()
    const parts = [...this.#environments.values()].map((guards) => {
      const fresh = new Set(storesAll ? [...guards.changed, ...guards.urgent] : guards.urgent)
      for (const attempt of fresh) guards.changed.delete(attempt)
      guards.urgent.clear()
      const once = again.size === 0 ? [] : [...guards.attempts()].filter((one) => again.has(one) && !fresh.has(one))
      const attempts = [...fresh, ...once]
      const learned = storesBaselines ? [...guards.learned].slice(0, BASELINES_AT_ONCE) : []
      for (const id of learned) guards.learned.delete(id)
      const baselines = learned.map((id) => [id, guards.baselines.save(id)] as const)
      return { guards, fresh, attempts, rows: this.#store.attemptRows(attempts, guards.hasLosses), baselines }
    })
    let isDone = false
    this.#stored = {
      // A transaction may fail after its last statement, so what it stored first is stored once more.
      again: () => new Set(parts.flatMap(({ fresh, attempts }) => (isDone ? [...fresh] : attempts))),
    }
    if (storesAll) this.#storedAt = now
    if (storesBaselines && parts.every(({ guards }) => guards.learned.size === 0)) this.#baselinesAt = now
    return async (tx) => {
      for (const { guards, rows, baselines } of parts) {
        await this.#store.saveAttempts(tx, rows)
        await this.#store.saveBaselines(tx, guards.environment, baselines)
      }
      isDone = true
    }
  }

  /** Begins or continues attempts, each of another application or under another flag, in two transactions. */
  async #begin(requests: readonly AttemptRequest[]): Promise<void> {
    const asked = requests.map((request) => {
      const guards = this.#environment(request.environment)
      return { request, guards, latest: guards.latest(request.applicationId, request.flag) }
    })
    const stored = await this.#context.leadership.write((tx) => this.#store.pastAttempts(tx, requests))
    const pastOf = Map.groupBy(stored, keyOf)
    const due = asked.flatMap((one) => {
      const attempt = nextAttempt(one.request.reason, pastOf.get(keyOf(one.request)) ?? [], one.latest)
      return attempt === 'open' ? [] : [{ ...one, attempt }]
    })
    if (due.length === 0) return
    const begun = due.filter(({ attempt }) => attempt !== 'continued')
    if (begun.length > 0) await this.#cohorts.refresh([...new Set(begun.map(({ request }) => request.applicationId))])
    const changes = due.map(({ request, guards, latest, attempt }) => {
      const { flag, applicationId, reason, passOnProbes, passBound = PASS_BOUND } = request
      const begun =
        attempt === 'continued'
          ? undefined
          : guards.prepare({ flag, applicationId, attempt, reason, passOnProbes, passBound })
      return { guards, latest, begun, endedAt: latest?.endedAt }
    })
    for (const { latest, begun } of changes) {
      if (latest !== undefined) latest.endedAt = begun === undefined ? undefined : (latest.endedAt ?? this.#now())
    }
    const written = changes.flatMap(({ latest, begun }) => [latest, begun].filter((one) => one !== undefined))
    await this.#write(written, () => {
      for (const { latest, begun, endedAt } of changes) {
        begun?.close()
        if (latest !== undefined) latest.endedAt = endedAt
      }
    })
    for (const { guards, begun } of changes) if (begun !== undefined) guards.hold(begun)
  }

  /** Writes attempts at once, and undoes what was changed in memory if that fails. */
  async #write(attempts: readonly Attempt[], undo: () => void): Promise<void> {
    try {
      const hasLosses = attempts.some(({ record }) => this.#environment(record.environment).hasLosses)
      await this.#context.leadership.write((tx) =>
        this.#store.saveAttempts(tx, this.#store.attemptRows(attempts, hasLosses)),
      )
    } catch (error) {
      undo()
      throw error
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(() => this.#loading).then(work)
    this.#writing = done.catch(() => {})
    return done
  }

  #environment(name: string): EnvironmentGuards {
    const known = this.#environments.get(name) ?? new EnvironmentGuards(name, this.#outside(name))
    this.#environments.set(name, known)
    return known
  }

  #outside(environment: string) {
    return {
      cohortOf: (applicationId: number) => this.#cohorts.of(applicationId),
      versionOf: (applicationId: number) => this.#context.feed.cache.application(applicationId)?.version ?? 0,
      now: this.#now,
      onLevel: (applicationId: number) => {
        for (const on of this.#listeners) on(environment, applicationId)
      },
    }
  }

  /** A changed registration begins a new attempt; an application that was removed is forgotten. */
  #followApplications(step: Parameters<FeedListener>[0]): void {
    if (this.#term === undefined || step === undefined) return
    const { change } = step
    if (change.kind === 'application_removed') {
      for (const guards of this.#environments.values()) guards.forget(change.id)
      this.#watchOver(this.#context.leadership.write((tx) => this.#store.forget(tx, change.id)))
    }
    if (change.kind !== 'application') return
    const { id, version } = change.application
    this.#watchOver(this.#cohorts.refresh([id]))
    for (const guards of this.#environments.values()) {
      for (const { record, endedAt } of guards.attemptsOf(id)) {
        if (endedAt === undefined) this.#watchOver(this.#renewFor(record, version))
      }
    }
  }

  async #renewFor(record: Attempt['record'], version: number): Promise<void> {
    if (record.registrationVersion >= version) return
    await this.begin({ ...record, reason: `registration:${version}` })
  }

  #watchOver(work: Promise<void>): void {
    work.catch((error) => this.#context.log.error({ err: error }, 'the guards cannot follow a registration'))
  }
}

function environmentOf(change: OutcomeChange): string {
  return 'outcome' in change ? change.outcome.environment : change.environment
}

function keyOf({ environment, flag, applicationId }: AttemptKey): string {
  return JSON.stringify([environment, flag, applicationId])
}

/** The number of the attempt that a reason begins, or what becomes of the latest one instead. */
function nextAttempt(
  reason: string,
  past: readonly PastAttempt[],
  latest: Attempt | undefined,
): number | 'continued' | 'open' {
  const reasons = [...past.map((one) => one.reason), ...(latest ? [latest.record.reason] : [])]
  if (latest !== undefined && !beginsNewAttempt(reason, reasons)) {
    return latest.endedAt === undefined ? 'open' : 'continued'
  }
  return Math.max(past.at(-1)?.attempt ?? 0, latest?.record.attempt ?? 0) + 1
}
