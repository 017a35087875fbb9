import { Counter, Gauge, type Registry } from 'prom-client'
import { ACTIVE_STATES, type Decision } from '../../../rollouts/index.ts'
import type { Rollouts } from '../rollouts.ts'

const VERDICTS: ReadonlyArray<Decision['do']> = [
  'advance',
  'advise',
  'exclude',
  'step_back',
  'hold',
  'release',
  'pause',
  'soak',
  'complete',
]

/** The metrics of rollouts: where each one stands, and what the engine on this replica has decided. */
export class RolloutMetrics {
  readonly #decisions: Counter<'verdict'>

  constructor(rollouts: Pick<Rollouts, 'list'>, registry: Registry) {
    new Gauge({
      name: 'handover_rollout_step',
      help: 'The step in force of the active rollout of a flag in an environment; no series without one.',
      labelNames: ['environment', 'flag'],
      registers: [registry],
      async collect() {
        // The database may be away; a scrape does not fail with it.
        const active = await rollouts.list({ states: ACTIVE_STATES, limit: 500 }).catch(() => undefined)
        if (active === undefined) return
        this.reset()
        for (const { plan, step } of active) this.set({ environment: plan.environment, flag: plan.flag }, step)
      },
    })
    this.#decisions = new Counter({
      name: 'handover_rollout_decisions_total',
      help: 'Decisions about rollouts, by what they were.',
      labelNames: ['verdict'],
      registers: [registry],
    })
    for (const verdict of VERDICTS) this.#decisions.inc({ verdict }, 0)
  }

  decided(verdict: Decision['do']): void {
    this.#decisions.inc({ verdict })
  }
}
