import { Counter, Gauge, type Registry } from 'prom-client'
import { ENVIRONMENTS } from '../../flags/index.ts'
import { REFUSALS, type Refusal } from './environment-outcomes.ts'

/** Counts what becomes of observations, besides outcomes. */
export interface OutcomeMetrics {
  refused(why: Refusal): void
  lost(environment: string, count: number): void
  unstored(): void
}

/**
 * Registers the metrics of outcomes.
 *
 * @param starts the sign-ins and devices that are followed until their time is over
 */
export function createOutcomeMetrics(registry: Registry, starts: () => number): OutcomeMetrics {
  const registers = [registry]
  const refused = new Counter({
    name: 'handover_control_outcomes_refused_total',
    help: 'Observations of gateways that were not taken, by reason.',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of REFUSALS) refused.inc({ reason }, 0)
  const lost = new Counter({
    name: 'handover_control_outcomes_lost_total',
    help: 'Observations of gateways that never arrived, by environment.',
    labelNames: ['environment'],
    registers,
  })
  for (const environment of ENVIRONMENTS) lost.inc({ environment }, 0)
  const unstored = new Counter({
    name: 'handover_control_outcomes_unstored_states_total',
    help: 'Times that outcomes were stored without the state of the guards, because that could not be stored.',
    registers,
  })
  new Gauge({
    name: 'handover_control_outcome_starts',
    help: 'Sign-ins and devices that are followed until they are complete or their time is over.',
    registers,
    collect() {
      this.set(starts())
    },
  })
  return {
    refused: (reason) => refused.inc({ reason }),
    lost: (environment, count) => lost.inc({ environment }, count),
    unstored: () => unstored.inc(),
  }
}
