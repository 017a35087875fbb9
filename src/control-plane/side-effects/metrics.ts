import { Counter, Gauge, type Registry } from 'prom-client'
import type { SideEffectKind } from './adapter.ts'
import type { SideEffectOutbox } from './outbox.ts'

/** Counts effects that ended, and shows how many are pending and given up. */
export class SideEffectMetrics {
  readonly #ended: Counter<'kind' | 'outcome'>

  constructor(outbox: SideEffectOutbox, registry: Registry) {
    const registers = [registry]
    this.#ended = new Counter({
      name: 'handover_side_effects_total',
      help: 'Side effects of changes that this replica completed or gave up.',
      labelNames: ['kind', 'outcome'],
      registers,
    })
    new Gauge({
      name: 'handover_side_effects',
      help: 'Side effects that are waiting, and those that failed for good and need an operator.',
      labelNames: ['state'],
      registers,
      async collect() {
        // The other metrics must be available even without the store.
        const counts = await outbox.counts().catch(() => undefined)
        if (counts === undefined) return this.reset()
        for (const state of ['waiting', 'dead'] as const) this.set({ state }, counts[state])
      },
    })
  }

  ended(kind: SideEffectKind, outcome: 'done' | 'dead'): void {
    this.#ended.inc({ kind, outcome })
  }
}
