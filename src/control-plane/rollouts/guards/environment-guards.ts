import {
  type CountedOutcome,
  causeClass,
  cohortPrior,
  FailingGuards,
  type GuardJudgement,
  type GuardReading,
  type JudgedApplication,
  judge,
  LegacyBaselines,
  LegacyWatch,
  levelOf,
  type PooledReading,
  type RatePrior,
  readPooled,
  SUSPECT_EVIDENCE,
  thresholdOf,
  UNAVAILABLE_CLASS,
} from '../../../guards/index.ts'
import type { FlowOutcome, OutcomeChange } from '../../../outcomes/index.ts'
import { Attempt, type AttemptRecord, PROBES_FLAG, toleratedRates } from './attempt.ts'
import type { StoredAttempt } from './guard-store.ts'
import { Losses } from './losses.ts'

/** An application that left lately still counts among those that fail together. */
const LATELY_MS = 10 * 60_000
const PRIOR_MS = 60_000
const PROBE_REASON = 'first'
const PASS_BOUND = 0.1

type Start = Extract<OutcomeChange, { kind: 'completion' }>

/** What an attempt begins with, besides what the environment knows. */
export type NewAttempt = Pick<
  AttemptRecord,
  'flag' | 'applicationId' | 'attempt' | 'reason' | 'passOnProbes' | 'passBound'
>

/** Everything outside that the guards of an environment need. */
export interface Outside {
  /** The cohort of an application; a word of its own for one that is not registered. */
  readonly cohortOf: (applicationId: number) => string
  /** The version of an application's registration; 0 for one that is not registered. */
  readonly versionOf: (applicationId: number) => number
  readonly now: () => number
  /** Called when the level of an application has changed. */
  readonly onLevel: (applicationId: number) => void
}

/** The guards of one environment, in memory: what legacy does, the attempts, the probes, and what was lost. */
export class EnvironmentGuards {
  readonly environment: string
  readonly baselines = new LegacyBaselines()
  /** Attempts with something new to store; those in `urgent` have new evidence against their application. */
  readonly changed = new Set<Attempt>()
  readonly urgent = new Set<Attempt>()
  /** Applications whose baseline has something new to store. */
  readonly learned = new Set<number>()
  readonly #outside: Outside
  readonly #guards = new FailingGuards()
  readonly #watch = new LegacyWatch(this.#guards)
  readonly #losses = new Losses()
  /** The latest attempt of each application under each flag. */
  readonly #attempts = new Map<number, Attempt[]>()
  /** Twins that are probed all the time; one that is broken on purpose has an attempt of its own besides. */
  readonly #probed = new Set<number>()
  readonly #priors = new Map<string, { readonly prior: RatePrior; readonly at: number }>()

  constructor(environment: string, outside: Outside) {
    this.environment = environment
    this.#outside = outside
  }

  /** Takes a change of the feed into account. */
  apply(change: OutcomeChange): void {
    const now = this.#outside.now()
    if (change.kind === 'lost') return this.#losses.lost(change.count, now)
    if (change.kind === 'completion') return this.#start(change, now)
    const { outcome, isProbe } = change
    const isRevised = change.kind === 'revised'
    if (!isRevised) this.#losses.arrived(now)
    if (outcome.side === 'rails') return isRevised ? this.#recovered(outcome) : this.#onLegacy(outcome, isProbe, now)
    if (isProbe && this.#open(outcome.applicationId).length === 0) this.#beginProbes(outcome.applicationId)
    for (const attempt of this.#counting(outcome.applicationId, isProbe)) {
      const isExcused = (cause: string) => this.#isExcused(attempt, cause, now)
      this.#update(attempt, () => attempt.flowOnIam(outcome, isRevised, now, isExcused))
      if (outcome.cause === 'server' || isRevised) this.urgent.add(attempt)
    }
  }

  /** Prepares an attempt with the present baseline; {@link hold} makes it count. */
  prepare(attempt: NewAttempt): Attempt {
    const { environment } = this
    const { cohortOf, versionOf, now } = this.#outside
    const cohort = cohortOf(attempt.applicationId)
    const baseline = this.baselines.baseline(attempt.applicationId, now())
    const rates = toleratedRates(baseline, this.#priorOf(cohort))
    const registrationVersion = versionOf(attempt.applicationId)
    const fixed = { environment, beganAt: now(), cohort, registrationVersion, baseline, toleratedRates: rates }
    return new Attempt(this.#guards, { ...attempt, ...fixed })
  }

  /** Takes an attempt in, in place of the one before it. */
  hold(attempt: Attempt): Attempt {
    const { applicationId, flag } = attempt.record
    const others = this.attemptsOf(applicationId).filter((one) => one.record.flag !== flag)
    this.latest(applicationId, flag)?.close()
    this.#attempts.set(applicationId, [...others, attempt])
    if (flag === PROBES_FLAG) this.#probed.add(applicationId)
    this.urgent.add(attempt)
    return attempt
  }

  /** An attempt as it was stored. */
  restore({ record, state, endedAt }: StoredAttempt): Attempt {
    const attempt = new Attempt(this.#guards, record, state ?? undefined)
    attempt.endedAt = endedAt
    this.hold(attempt)
    this.urgent.delete(attempt)
    if (state?.hasLosses) this.#losses.lost(1, this.#outside.now())
    return attempt
  }

  attemptsOf(applicationId: number): readonly Attempt[] {
    return this.#attempts.get(applicationId) ?? []
  }

  latest(applicationId: number, flag: string): Attempt | undefined {
    return this.attemptsOf(applicationId).find(({ record }) => record.flag === flag)
  }

  /** All attempts, open and ended. */
  *attempts(): Iterable<Attempt> {
    for (const attempts of this.#attempts.values()) yield* attempts
  }

  /** Forgets an application that no longer exists. */
  forget(applicationId: number): void {
    for (const attempt of this.attemptsOf(applicationId)) {
      attempt.close()
      this.changed.delete(attempt)
      this.urgent.delete(attempt)
    }
    this.#attempts.delete(applicationId)
    this.#probed.delete(applicationId)
    this.baselines.forget(applicationId)
    this.#watch.forget(scopeOf({ applicationId }))
  }

  get hasLosses(): boolean {
    return this.#losses.isTooMany(this.#outside.now())
  }

  /** The readings of one application, or of all with an open attempt, twins left out. */
  readings(applicationId?: number): GuardReading[] {
    const isOpen = ({ endedAt }: Attempt) => endedAt === undefined
    if (applicationId === undefined) {
      const open = [...this.attempts()].filter((attempt) => isOpen(attempt) && !attempt.isProbe)
      return open.flatMap((attempt) => this.#readingsOf(attempt))
    }
    const attempts = this.attemptsOf(applicationId)
    // Once all have ended, the last one says why.
    const shown = attempts.some(isOpen) ? attempts.filter(isOpen) : attempts.slice(-1)
    return shown.flatMap((attempt) => this.#readingsOf(attempt))
  }

  /** The evidence of each cohort with moved applications, and of all of them, twins left out. */
  pooledReadings(): PooledReading[] {
    const open = [...this.attempts()].filter(({ endedAt, isProbe }) => endedAt === undefined && !isProbe)
    return readPooled(
      open.map(({ record: { applicationId, cohort }, failures }) => ({ applicationId, cohort, ...failures })),
    )
  }

  /** What the present evidence about moved applications asks for. */
  judge(moved: readonly number[], togetherMs?: number): GuardJudgement {
    const now = this.#outside.now()
    const here = new Set(moved)
    const applications = [...this.attempts()].flatMap((attempt): JudgedApplication[] => {
      const { applicationId, cohort } = attempt.record
      const { suspectAt, endedAt, isProbe } = attempt
      const isMoved = endedAt === undefined && here.has(applicationId)
      const hasLeft = endedAt !== undefined && now - (suspectAt ?? 0) <= LATELY_MS && attempt.hasFailed
      if (isProbe ? !here.has(applicationId) : !isMoved && !hasLeft) return []
      return [{ applicationId, cohort, isMoved, ...this.#judged(attempt) }]
    })
    return judge({
      ...{ now, applications, togetherMs },
      isLegacyFailing: (scope, cause) => this.#watch.isFailing(scopeOf(scope, cause), cause, now),
    })
  }

  #judged(attempt: Attempt): Omit<JudgedApplication, 'applicationId' | 'cohort' | 'isMoved'> {
    const { evidence, outcomes: flows } = attempt.failures
    const twin = this.#twinOf(attempt)
    const isSuspect = attempt.strongest >= SUSPECT_EVIDENCE || (twin?.strongest ?? 0) >= SUSPECT_EVIDENCE
    const readings = isSuspect ? this.#readingsOf(attempt) : []
    const suspectAt = Math.max(attempt.suspectAt ?? 0, twin?.suspectAt ?? 0) || undefined
    return { flows, evidence, readings, excuse: attempt.excused, suspectAt }
  }

  #readingsOf(attempt: Attempt): GuardReading[] {
    const { hasLosses } = this
    const [probes] = this.#twinOf(attempt)?.readings({ hasLosses, probes: undefined }) ?? []
    return attempt.readings({ hasLosses, probes })
  }

  /** The twin of an application's cohort: the one with the strongest evidence, or else with the most probes. */
  #twinOf({ record: { cohort }, isProbe }: Attempt): Attempt | undefined {
    if (isProbe) return undefined
    const twins = [...this.#twins].filter((one) => one.record.cohort === cohort && one.endedAt === undefined)
    const [first] = twins.sort((one, other) => other.failures.outcomes - one.failures.outcomes)
    return twins.find((one) => one.strongest >= SUSPECT_EVIDENCE) ?? first
  }

  get #twins(): Attempt[] {
    return [...this.#probed].flatMap((id) => this.latest(id, PROBES_FLAG) ?? [])
  }

  #beginProbes(applicationId: number): void {
    const attempt = (this.latest(applicationId, PROBES_FLAG)?.record.attempt ?? 0) + 1
    const begun = { flag: PROBES_FLAG, applicationId, attempt, reason: PROBE_REASON }
    this.hold(this.prepare({ ...begun, passOnProbes: false, passBound: PASS_BOUND })).isProbe = true
  }

  #onLegacy(outcome: FlowOutcome, isProbe: boolean, now: number): void {
    const { applicationId, kind, cause, error, at, durationMs, caller, shape } = outcome
    if (cause !== 'success' && cause !== 'server') return
    const isFailure = cause === 'server'
    const isSlow = !isFailure && this.baselines.isSlow(applicationId, kind, durationMs)
    this.baselines.learn({ applicationId, kind, isFailure, at: Math.min(at, now), durationMs, caller, shape })
    this.learned.add(applicationId)
    if (isProbe) return
    for (const attempt of this.#open(applicationId)) {
      attempt.flowOnLegacy()
      this.changed.add(attempt)
    }
    this.#watchLegacy(applicationId, isFailure ? causeClass(error ?? 'unknown') : isSlow ? 'slow' : undefined, '', now)
  }

  #recovered({ applicationId, cause, at }: FlowOutcome): void {
    if (cause === 'success') this.baselines.recovered(applicationId, at)
  }

  #start(start: Start, now: number): void {
    const { applicationId, isComplete, startedAt: at, caller, grant, requestId, isProbe } = start
    if (start.side === 'rails') {
      this.baselines.learnStart({ applicationId, isComplete, at: Math.min(at, now), caller })
      this.learned.add(applicationId)
      if (!isProbe) this.#watchLegacy(applicationId, isComplete ? undefined : 'incomplete', STARTS, now)
      return
    }
    const counted: CountedOutcome = { isFailure: !isComplete, at, grant, caller, error: 'incomplete', requestId }
    for (const attempt of this.#counting(applicationId, isProbe)) {
      const isExcused = this.#isExcused(attempt, 'incomplete', now)
      this.#update(attempt, () => attempt.startOnIam(counted, now, isExcused))
    }
  }

  /** Watches legacy in three scopes, and takes back what the attempts in a scope failed for when legacy begins to fail. */
  #watchLegacy(applicationId: number, cause: string | undefined, prefix: string, now: number): void {
    const cohort = this.#outside.cohortOf(applicationId)
    const isMoved = this.#open(applicationId).length > 0
    if (isMoved && this.#watch.record(prefix + scopeOf({ applicationId }), cause, now)) {
      this.#excuse(this.#open(applicationId), cause, now)
    }
    if (this.#watch.record(prefix + scopeOf({ cohort }), cause, now)) {
      this.#excuse(
        [...this.attempts()].filter(({ record }) => record.cohort === cohort),
        cause,
        now,
      )
    }
    if (this.#watch.record(prefix + scopeOf('all'), cause, now) && cause === UNAVAILABLE_CLASS) {
      this.#excuse([...this.attempts()], cause, now)
    }
  }

  #excuse(attempts: readonly Attempt[], cause: string | undefined, now: number): void {
    if (cause === undefined) return
    for (const attempt of attempts) {
      if (attempt.endedAt === undefined) this.#update(attempt, () => attempt.excuse(cause, now))
    }
  }

  #isExcused({ record: { applicationId, cohort } }: Attempt, cause: string, now: number): boolean {
    if (this.#watch.isFailing(scopeOf({ applicationId }, cause), cause, now)) return true
    if (this.#watch.isFailing(scopeOf({ cohort }, cause), cause, now)) return true
    return cause === UNAVAILABLE_CLASS && this.#watch.isFailing(scopeOf('all'), cause, now)
  }

  #open(applicationId: number): readonly Attempt[] {
    return this.attemptsOf(applicationId).filter(({ endedAt }) => endedAt === undefined)
  }

  /** The open attempts that count an outcome: an attempt of a twin that began alone, while there is one. */
  #counting(applicationId: number, isProbe: boolean): readonly Attempt[] {
    const open = this.#open(applicationId)
    if (!isProbe) return open
    for (const attempt of open) attempt.isProbe = true
    const begun = open.filter(({ record }) => record.flag !== PROBES_FLAG)
    return begun.length > 0 ? begun : open
  }

  #update(attempt: Attempt, change: () => void): void {
    const threshold = thresholdOf(attempt.record.attempt)
    const before = levelOf(attempt.strongest, threshold)
    change()
    this.changed.add(attempt)
    if (levelOf(attempt.strongest, threshold) === before) return
    this.urgent.add(attempt)
    this.#outside.onLevel(attempt.record.applicationId)
  }

  /** The prior of a cohort, which takes a look at all applications and is kept for a minute. */
  #priorOf(cohort: string): RatePrior {
    const { cohortOf, now } = this.#outside
    const known = this.#priors.get(cohort)
    if (known !== undefined && Math.abs(now() - known.at) < PRIOR_MS) return known.prior
    const members = [...this.baselines.applicationIds].filter((id) => cohortOf(id) === cohort)
    const prior = cohortPrior(members.map((id) => this.baselines.counts(id, now())))
    this.#priors.set(cohort, { prior, at: now() })
    return prior
  }
}

/** Starts are counted apart from flows. */
const STARTS = 'starts of '

/** The name under which legacy is watched. */
function scopeOf(scope: { applicationId: number } | { cohort: string } | 'all', cause?: string): string {
  const prefix = cause === 'incomplete' ? STARTS : ''
  if (scope === 'all') return `${prefix}all`
  return prefix + ('cohort' in scope ? `cohort ${scope.cohort}` : `application ${scope.applicationId}`)
}
