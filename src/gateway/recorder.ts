import type { Log } from '../observability/index.ts'
import { DecisionLog } from './decision-log.ts'
import type { Metrics } from './metrics.ts'
import type { Outcome } from './outcome.ts'

/** Answers of one side since the start, and those with 5xx among them. */
export interface SideTotals {
  requests: number
  failures: number
}

/** Takes down what became of each request. Requests to no OAuth endpoint are counted, not logged. */
export class Recorder {
  readonly #decisions: DecisionLog
  readonly #metrics: Metrics
  readonly totals: { readonly legacy: SideTotals; readonly iam: SideTotals } = {
    legacy: { requests: 0, failures: 0 },
    iam: { requests: 0, failures: 0 },
  }

  constructor(log: Log, metrics: Metrics) {
    this.#decisions = new DecisionLog(log)
    this.#metrics = metrics
  }

  record(outcome: Outcome): void {
    this.#metrics.count(outcome)
    if (outcome.destination !== 'rejected') {
      const side = this.totals[outcome.destination]
      side.requests++
      if (outcome.status >= 500) side.failures++
    }
    if (outcome.endpoint !== 'other') this.#decisions.write(outcome)
  }

  close(): void {
    this.#decisions.close()
  }
}
