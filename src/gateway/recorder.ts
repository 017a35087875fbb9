import type { Log } from '../observability/index.ts'
import { DecisionLog } from './decision-log.ts'
import type { Metrics } from './metrics.ts'
import type { Outcome } from './outcome.ts'

/** Takes down what became of each request. Requests to no OAuth endpoint are counted, not logged. */
export class Recorder {
  readonly #decisions: DecisionLog
  readonly #metrics: Metrics

  constructor(log: Log, metrics: Metrics) {
    this.#decisions = new DecisionLog(log)
    this.#metrics = metrics
  }

  record(outcome: Outcome): void {
    this.#metrics.count(outcome)
    if (outcome.endpoint !== 'other') this.#decisions.write(outcome)
  }

  close(): void {
    this.#decisions.close()
  }
}
