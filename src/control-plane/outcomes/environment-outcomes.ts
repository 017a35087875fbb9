import {
  ApplicationMemory,
  type JoinChange,
  linesIn,
  type Observation,
  ObservationReader,
  type OutcomeBatch,
  type OutcomeChange,
  OutcomeJoin,
  UNTOLD,
} from '../../outcomes/index.ts'
import { type BatchHead, clockOffset, GatewayPositions } from './gateway-positions.ts'
import type { PendingCounts } from './pending-counts.ts'

/** Observations older than this are not taken: no gateway keeps them that long. */
const OLDEST_MS = 3_600_000
/** How long what depends on the issue of a credential waits for a gateway that reports late. */
const LONGEST_WAIT_MS = 3_000

/** Why observations were not taken. */
export const REFUSALS = ['unreadable', 'unknown_application', 'too_old'] as const
export type Refusal = (typeof REFUSALS)[number]

/** What one environment's outcomes need from their context. */
export interface OutcomeContext {
  readonly environment: string
  readonly counts: () => PendingCounts
  readonly publish: (change: OutcomeChange) => void
  readonly hasApplication: (applicationId: number) => boolean
  readonly isProbe: (applicationId: number) => boolean
  readonly refused: (why: Refusal) => void
}

/** The outcomes of one environment, on the replica that leads. */
export class EnvironmentOutcomes {
  readonly memory = new ApplicationMemory()
  readonly positions = new GatewayPositions()
  readonly #reader = new ObservationReader()
  readonly #join: OutcomeJoin
  readonly #context: OutcomeContext

  constructor(context: OutcomeContext) {
    this.#context = context
    this.#join = new OutcomeJoin({
      environment: context.environment,
      memory: this.memory,
      emit: (change) => this.#emit(change),
    })
  }

  /** How many starts are followed, and how many were not. */
  get starts(): OutcomeJoin['starts'] {
    return this.#join.starts
  }

  /**
   * Takes a batch: what is new in it, in order; nothing if an earlier one is missing that the gateway still keeps.
   *
   * @param receivedAt when it arrived, and `now`, both in milliseconds since the epoch by this clock
   */
  take(batch: OutcomeBatch, receivedAt: number, now: number): void {
    const { instance, first, oldest, lines } = batch
    const head: BatchHead = { instance, first, oldest, count: linesIn(lines) }
    const place = this.positions.place(head)
    if (place === undefined) return
    const { skip, lost } = place
    const { environment, publish } = this.#context
    if (lost > 0) publish({ kind: 'lost', environment, count: lost })
    const offset = clockOffset(batch.sentAt, receivedAt)
    let last = batch.sentAt + offset
    this.#reader.read(lines, skip, (seen) => {
      last = this.#takeLine(seen, offset, now) ?? last
    })
    const through = batch.isComplete ? batch.sentAt + offset : last
    this.positions.took(head, Math.min(through, now), now)
  }

  /** Judges what is due; `now` in milliseconds since the epoch. */
  advance(now: number): void {
    const watermark = this.positions.watermark(now)
    this.#join.advance(watermark, Math.max(watermark, now - LONGEST_WAIT_MS))
  }

  /** Returns the time of the observation, by this clock. */
  #takeLine(seen: Observation | undefined, offset: number, now: number): number | undefined {
    const { hasApplication, refused, counts, environment } = this.#context
    if (seen === undefined) {
      refused('unreadable')
      return undefined
    }
    const at = Math.min(now, seen.at + offset)
    if (seen.applicationId !== UNTOLD && !hasApplication(seen.applicationId)) refused('unknown_application')
    else if (now - at > OLDEST_MS) refused('too_old')
    else {
      counts().latencies.add(environment, { ...seen, at })
      this.#join.take({ ...seen, at })
    }
    return at
  }

  #emit(change: JoinChange): void {
    const { counts, publish, isProbe, environment } = this.#context
    if (change.kind === 'completion') {
      const { applicationId, side, flow, isComplete, startedAt, grant, caller, requestId } = change.start
      const about = { environment, applicationId, side, flow, isComplete, startedAt, grant, caller, requestId }
      return publish({ kind: 'completion', ...about, isProbe: isProbe(applicationId) })
    }
    const { kind, outcome } = change
    if (kind === 'revised') counts().add(environment, change.previous, -1)
    counts().add(environment, outcome, 1)
    publish({ kind, outcome, isProbe: isProbe(outcome.applicationId) })
  }
}
