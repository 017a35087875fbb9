import { type LineAllowance, LineBudget, type Log } from '../../observability/index.ts'
import type { ApplicationOutcomes } from '../../routing/index.ts'
import type { DecisionSource, KnownAs } from '../decision-source/source.ts'
import type { SideTotals } from '../decision-source/status-report.ts'
import { DecisionLog } from './decision-log.ts'
import type { ExchangeRecord } from './exchange-record.ts'
import { isSuppressible } from './log-sampling.ts'
import type { Metrics } from './metrics.ts'
import { RecentOutcomes } from './recent-outcomes.ts'

/** Observes exchanges for the control plane. */
export interface OutcomeObserver {
  /** @param applicationId undefined if the request does not tell it */
  record(record: ExchangeRecord, applicationId: number | undefined): void
}

/** See {@link Recorder}. */
export interface RecorderOptions {
  readonly log: Log
  readonly metrics: Metrics
  readonly source: DecisionSource
  /** Limits the lines that anyone can cause; no limit without it. */
  readonly sampling: LineAllowance | undefined
  /** Undefined if outcomes are not observed. */
  readonly outcomes: OutcomeObserver | undefined
}

/**
 * Records the outcome of each request. Requests outside the OAuth endpoints are counted, not logged; lines that
 * anyone can cause are logged up to their allowance, and the suppressed lines are reported as a number.
 */
export class Recorder {
  readonly #decisions: DecisionLog
  readonly #metrics: Metrics
  readonly #source: DecisionSource
  readonly #sampled: LineBudget
  readonly #outcomes: OutcomeObserver | undefined
  readonly #recent = new RecentOutcomes()
  readonly totals: { readonly legacy: SideTotals; readonly iam: SideTotals } = {
    legacy: { requests: 0, failures: 0 },
    iam: { requests: 0, failures: 0 },
  }

  constructor({ log, metrics, source, sampling, outcomes }: RecorderOptions) {
    this.#decisions = new DecisionLog(log)
    this.#metrics = metrics
    this.#source = source
    this.#outcomes = outcomes
    this.#sampled = new LineBudget(sampling, (left_out, interval_seconds) => {
      this.#decisions.flush()
      log.info({ subcomponent: 'workhorse', left_out, interval_seconds }, 'iamproxy: routing decisions left out')
    })
  }

  /** The application of a request, from the decision, or from the client id if the decision had another basis. */
  applicationOf({ applicationId, clientId }: ExchangeRecord): KnownAs {
    return applicationId ?? (clientId === undefined ? 'no_application' : this.#source.knownAs(clientId))
  }

  record(record: ExchangeRecord): void {
    const application = this.applicationOf(record)
    const known = typeof application === 'number' ? application : undefined
    this.#metrics.count(record, known)
    if (known !== undefined) this.#recent.count(record, known)
    if (record.destination !== 'rejected') {
      const side = this.totals[record.destination]
      side.requests++
      if (record.status >= 500) side.failures++
    }
    if (record.endpoint === 'other') return
    this.#outcomes?.record(record, known)
    if (!isSuppressible(record, application) || this.#sampled.admit(record.reason))
      this.#decisions.write(record, application)
  }

  /** Recent outcomes of each application's requests at IAM. */
  get applications(): readonly ApplicationOutcomes[] {
    return this.#recent.report()
  }

  close(): void {
    this.#sampled.close()
    this.#decisions.close()
  }
}
