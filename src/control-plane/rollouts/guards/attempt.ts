import {
  type Baseline,
  type CountedOutcome,
  causeClass,
  type Excuse,
  type FailingGuards,
  type GuardReading,
  type GuardSituation,
  type RatePrior,
  Recording,
  type RecordingState,
  readGuard,
  SUSPECT_EVIDENCE,
  thresholdOf,
  toleratedRate,
} from '../../../guards/index.ts'
import type { FlowOutcome } from '../../../outcomes/index.ts'
import { Trail, type TrailPoint } from './trail.ts'

/** The guards that an attempt has of its own. Probes are an attempt of their twin. */
const OWN_GUARDS = ['failures', 'completion', 'latency', 'shape'] as const
type OwnGuard = (typeof OWN_GUARDS)[number]

/** The flag of the attempts of twins: their guard of failures is the guard of probes of their cohort. */
export const PROBES_FLAG = 'probes'

/** What does not change during an attempt. */
export interface AttemptRecord {
  readonly environment: string
  readonly flag: string
  readonly applicationId: number
  /** Counts from 1, by application and flag. */
  readonly attempt: number
  readonly reason: string
  readonly beganAt: number
  readonly passOnProbes: boolean
  readonly passBound: number
  readonly cohort: string
  /** The version of the application's registration when the attempt began. */
  readonly registrationVersion: number
  readonly baseline: Baseline
  /** The tolerated rate of each guard, fixed when the attempt began. */
  readonly toleratedRates: Readonly<Record<OwnGuard, number>>
}

/** What changes with each outcome. */
export interface AttemptState {
  readonly recordings: Readonly<Partial<Record<OwnGuard, RecordingState>>>
  readonly flowsOnLegacy: number
  readonly suspectAt: number | null
  readonly isProbe: boolean
  /** Whether too many outcomes of the environment were lost when this was stored. */
  readonly hasLosses: boolean
  /** How the strongest evidence grew; absent where it never did, and in what older versions stored. */
  readonly trail?: readonly TrailPoint[]
}

/** The tolerated rate of each guard, by what the application did on legacy. */
export function toleratedRates(baseline: Baseline, prior: RatePrior): AttemptRecord['toleratedRates'] {
  return {
    failures: toleratedRate(baseline.failures, prior),
    completion: toleratedRate(baseline.completion, undefined, 'completion'),
    latency: toleratedRate(baseline.latency),
    shape: toleratedRate(baseline.shape),
  }
}

/** What a guard's reading depends on outside the attempt. */
export interface ReadingContext {
  readonly hasLosses: boolean
  /** The reading of the probes of the application's cohort. */
  readonly probes: GuardReading | undefined
}

/** One attempt of an application under a flag, with its guards. */
export class Attempt {
  readonly record: AttemptRecord
  readonly #guards: FailingGuards
  /** Opened with the first outcome that concerns the guard. */
  readonly #recordings: Partial<Record<OwnGuard, Recording>> = {}
  #trail: Trail | undefined
  #flowsOnLegacy = 0
  #suspectAt: number | undefined
  /** The application is a twin: its flows are probes. */
  isProbe = false
  /** When the attempt ended, in milliseconds since the epoch; undefined while it is open. */
  endedAt: number | undefined

  constructor(guards: FailingGuards, record: AttemptRecord, state?: AttemptState) {
    this.#guards = guards
    this.record = record
    this.#of('failures')
    if (state === undefined) return
    for (const [guard, recording] of Object.entries(state.recordings)) this.#of(guard as OwnGuard).load(recording)
    this.#flowsOnLegacy = state.flowsOnLegacy
    this.#suspectAt = state.suspectAt ?? undefined
    this.isProbe = state.isProbe
    if (state.trail !== undefined) this.#trail = new Trail(state.trail)
  }

  /** Counts a flow on IAM. `isExcused` tells whether legacy fails for a class of causes. */
  flowOnIam(outcome: FlowOutcome, isRevised: boolean, now: number, isExcused: (cause: string) => boolean): void {
    const { cause, kind } = outcome
    if (cause === 'success' || cause === 'server') {
      const counted = countedOf(outcome, cause === 'server')
      if (counted.isFailure && isExcused(classOf(outcome))) this.#of('failures').skip(classOf(outcome), now)
      else if (isRevised) this.#of('failures').revise(counted, now)
      else this.#of('failures').record(counted, now)
    }
    const { latency, shape } = this.record.baseline
    const limit = latency.limits[kind]
    if (!isRevised && cause === 'success' && limit !== undefined) {
      const isSlow = outcome.durationMs > limit
      if (isSlow && isExcused('slow')) this.#of('latency').skip('slow', now)
      else this.#of('latency').record({ ...countedOf(outcome, isSlow), error: 'slow' }, now)
    }
    const known = shape.known[kind]
    if (
      !isRevised &&
      outcome.shape !== undefined &&
      known !== undefined &&
      (cause === 'success' || cause === 'client')
    ) {
      const isUnknown = !known.includes(outcome.shape)
      this.#of('shape').record({ ...countedOf(outcome, isUnknown), error: 'unknown_shape' }, now)
    }
    this.#noteSuspicion(now)
  }

  /** Counts a judged start on IAM. */
  startOnIam(start: CountedOutcome, now: number, isExcused: boolean): void {
    if (start.isFailure && isExcused) this.#of('completion').skip('incomplete', now)
    else this.#of('completion').record(start, now)
    this.#noteSuspicion(now)
  }

  /** Counts a flow on legacy: credentials that the application held before it was moved. */
  flowOnLegacy(): void {
    this.#flowsOnLegacy++
  }

  /** Takes back failures of a class of causes for which legacy fails too. */
  excuse(cause: string, now: number): void {
    const guard = cause === 'slow' ? 'latency' : cause === 'incomplete' ? 'completion' : 'failures'
    this.#recordings[guard]?.excuse(cause, now)
  }

  /** The evidence of the guard of failures, and what it has counted. */
  get failures(): { readonly evidence: number; readonly outcomes: number; readonly failures: number } {
    const { evidence, outcomes, failures } = this.#of('failures').read()
    return { evidence, outcomes, failures }
  }

  /** The largest evidence of its guards, in proportion to the threshold. */
  get strongest(): number {
    return Math.max(...Object.values(this.#recordings).map((recording) => recording.evidence))
  }

  get suspectAt(): number | undefined {
    return this.#suspectAt
  }

  /** Whether one of its guards has failed. */
  get hasFailed(): boolean {
    return Object.values(this.#recordings).some((recording) => recording.read().hasFailed)
  }

  /** The last failure that did not count, because legacy failed for the same cause. */
  get excused(): Excuse | undefined {
    const excuses = Object.values(this.#recordings).flatMap((recording) => recording.read().excuse ?? [])
    return excuses.sort((one, other) => other.at - one.at)[0]
  }

  /** The readings of its guards; those of `completion`, `latency` and `shape` once there is something to read. */
  readings({ hasLosses, probes }: ReadingContext): GuardReading[] {
    const readings = OWN_GUARDS.flatMap((guard) => {
      if (this.#recordings[guard] === undefined && this.record.baseline[guard].outcomes === 0) return []
      return [readGuard(this.#of(guard).read(), this.#situation(guard, hasLosses))]
    })
    const [failures, ...others] = readings
    if (failures === undefined || probes === undefined) return readings
    const { applicationId, attempt } = this.record
    return [this.#passedOnProbes(failures, probes), ...others, { ...probes, applicationId, attempt }]
  }

  /** The state to store. */
  save(hasLosses: boolean): AttemptState {
    const recordings = Object.entries(this.#recordings).map(([guard, recording]) => [guard, recording.save()] as const)
    return {
      recordings: Object.fromEntries(recordings),
      flowsOnLegacy: this.#flowsOnLegacy,
      suspectAt: this.#suspectAt ?? null,
      isProbe: this.isProbe,
      hasLosses,
      ...(this.#trail !== undefined && { trail: this.#trail.points }),
    }
  }

  /** Frees its guards. */
  close(): void {
    for (const recording of Object.values(this.#recordings)) recording.close()
  }

  #of(guard: OwnGuard): Recording {
    const { attempt, toleratedRates: rates } = this.record
    const recording = this.#recordings[guard] ?? new Recording(this.#guards, rates[guard], thresholdOf(attempt))
    this.#recordings[guard] = recording
    return recording
  }

  #noteSuspicion(now: number): void {
    const { strongest } = this
    if (strongest >= SUSPECT_EVIDENCE) this.#suspectAt = now
    if (this.#trail === undefined && strongest <= 1) return
    this.#trail ??= new Trail()
    this.#trail.note(now, strongest)
  }

  #situation(guard: OwnGuard, hasLosses: boolean): GuardSituation {
    const { applicationId, attempt, passBound, baseline, toleratedRates: rates } = this.record
    return {
      ...{ applicationId, guard: this.isProbe && guard === 'failures' ? 'probes' : guard, attempt, hasLosses },
      // Where legacy itself does not come close to the bound, IAM need not either.
      passBound: guard === 'failures' ? passBound : Math.min(0.9, Math.max(passBound, rates[guard] + 0.1)),
      legacyOutcomes: baseline[guard].outcomes,
      isStillOnLegacy: this.#flowsOnLegacy > 0,
      hasNoBaseline: (guard === 'latency' || guard === 'shape') && baseline[guard].outcomes === 0,
    }
  }

  /** Without any flow on IAM, an attempt may pass on its probes if its plan says so. */
  #passedOnProbes(failures: GuardReading, probes: GuardReading): GuardReading {
    if (!this.record.passOnProbes || failures.outcomes > 0 || probes.verdict !== 'pass') return failures
    const where = this.#flowsOnLegacy > 0 ? ', but all of its flows still run on credentials of rails' : ''
    const sentence = `Passed on its probes: moved${where}; ${probes.sentence.replace(/^Passed: /, '')}`
    return { ...failures, verdict: 'pass', bound: probes.bound, sentence }
  }
}

function classOf({ error }: FlowOutcome): string {
  return causeClass(error ?? 'unknown')
}

function countedOf(outcome: FlowOutcome, isFailure: boolean): CountedOutcome {
  const { at, grant, caller, error, requestId } = outcome
  return { isFailure, at, grant, caller, error, requestId }
}
