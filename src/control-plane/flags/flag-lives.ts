import { Gauge, type Registry } from 'prom-client'
import { type Definitions, type FlagLife, lifeOf } from '../../flags/index.ts'
import type { Log } from '../../observability/index.ts'
import type { Store } from '../state/store.ts'

/** A flag that has outlived its type's lifetime, or is due for a review. */
export interface OldFlag {
  readonly name: string
  readonly life: Extract<FlagLife, { since: Date }>
}

const DAY_MS = 24 * 3_600_000

/** Reports the flags that have outlived their type's lifetime: on request, as a metric, and in the log once a day. */
export class FlagLives {
  readonly #store: Store
  readonly #definitions: Definitions
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #old: readonly OldFlag[] = []

  constructor(store: Store, definitions: Definitions, log: Log, registry: Registry) {
    this.#store = store
    this.#definitions = definitions
    this.#log = log
    const names = () => new Set(this.#old.map(({ name }) => name))
    new Gauge({
      name: 'handover_flag_stale',
      help: "1 for a flag that has outlived its type's time or is due to be looked at again.",
      labelNames: ['flag'],
      registers: [registry],
      collect() {
        const old = names()
        for (const flag of definitions.flags.keys()) this.set({ flag }, old.has(flag) ? 1 : 0)
      },
    })
    this.#timer = setInterval(() => void this.#remind(), DAY_MS).unref()
    void this.#remind()
  }

  /** All such flags at this moment, by name. Rejects if the store does not answer. */
  async find(now = new Date()): Promise<readonly OldFlag[]> {
    const rows = await this.#store.database.query<{ name: string; first: Date }>(
      `select name, min(changed_at) as first from ${this.#store.schema}.flag_history group by name`,
    )
    const firsts = new Map(rows.map(({ name, first }) => [name, first]))
    const old: OldFlag[] = []
    for (const [name, definition] of this.#definitions.flags) {
      const life = lifeOf(definition, firsts.get(name), now)
      if (life.kind === 'stale' || life.kind === 'review_due') old.push({ name, life })
    }
    this.#old = old.sort((one, other) => (one.name < other.name ? -1 : 1))
    return this.#old
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #remind(): Promise<void> {
    try {
      for (const { name, life } of await this.find()) {
        const fields = { flag: name, since: dayOf(life.since), until: dayOf(life.until) }
        const said = life.kind === 'stale' ? 'a flag has outlived its time' : 'a flag is due to be looked at again'
        this.#log.warn(fields, said)
      }
    } catch (error) {
      this.#log.warn({ cause: (error as Error).message }, 'the age of flags could not be determined')
    }
  }
}

/** A day as `2026-06-18`. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}
