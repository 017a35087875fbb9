import type { Rollout } from '../../../rollouts/index.ts'
import type { QueryGuard, QueryReading } from '../guards/metric-query.ts'

interface Entry {
  askedAt: number
  isAsking: boolean
  reading: QueryReading
}

/**
 * Reads the PromQL queries of the plans of active rollouts on schedule, without keeping a decision waiting: what a query
 * said last counts, and nothing yet is not enough evidence.
 */
export class QueryWatch {
  readonly #read: (guard: QueryGuard) => Promise<QueryReading>
  readonly #onRead: () => void
  readonly #everyMs: number
  readonly #entries = new Map<string, Entry>()

  /** `read` ends within a time limit and never rejects; `onRead` is called when the verdict of a query has changed. */
  constructor(read: (guard: QueryGuard) => Promise<QueryReading>, onRead: () => void, everyMs: number) {
    this.#read = read
    this.#onRead = onRead
    this.#everyMs = everyMs
  }

  /** What the queries of a rollout said last; those that are due are asked again. */
  readings({ id, plan }: Pick<Rollout, 'id' | 'plan'>): readonly QueryReading[] {
    return plan.queries.map((query) => {
      const key = `${id} ${query.name}`
      const entry = this.#entries.get(key) ?? this.#unread(query)
      this.#entries.set(key, entry)
      if (!entry.isAsking && performance.now() - entry.askedAt >= this.#everyMs) void this.#ask(entry, query)
      return entry.reading
    })
  }

  /** Forgets the queries of rollouts that are no longer active. */
  keep(active: ReadonlyArray<Pick<Rollout, 'id'>>): void {
    const ids = new Set(active.map(({ id }) => String(id)))
    for (const key of this.#entries.keys()) if (!ids.has(key.split(' ')[0] ?? '')) this.#entries.delete(key)
  }

  #unread({ name }: QueryGuard): Entry {
    const sentence = `Not enough evidence: the query ${name} has not been answered yet.`
    const reading = {
      guard: `query:${name}` as const,
      verdict: 'not_enough_evidence' as const,
      value: undefined,
      sentence,
    }
    return { askedAt: Number.NEGATIVE_INFINITY, isAsking: false, reading }
  }

  async #ask(entry: Entry, query: QueryGuard): Promise<void> {
    entry.isAsking = true
    entry.askedAt = performance.now()
    const before = entry.reading.verdict
    entry.reading = await this.#read(query)
    entry.isAsking = false
    if (entry.reading.verdict !== before) this.#onRead()
  }
}
