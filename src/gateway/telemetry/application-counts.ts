import { type Destination, WIRE_DESTINATION } from '../../routing/index.ts'
import type { ExchangeRecord } from './exchange-record.ts'

/**
 * Counts of one application at one side: responses by the first digit of their status, tokens granted, OAuth errors.
 */
interface Counts {
  readonly byClass: Float64Array
  granted: number
  /** By error code; bounded by the number of codes that OAuth defines. */
  readonly errors: Map<string, number>
}

/** One series of a counter. */
export interface ApplicationSample {
  readonly labels: {
    readonly application_id: string
    readonly destination: string
    readonly class?: string
    readonly error?: string
  }
  readonly value: number
}

/**
 * Counts the outcomes of each known application's requests; only the first `most` applications get their own series.
 */
export class ApplicationCounts {
  readonly #most: number
  readonly #applications = new Map<string, Record<Destination, Counts>>()

  constructor(most: number) {
    this.#most = most
  }

  /**
   * Counts one exchange.
   *
   * @param application undefined if unknown: then nothing is counted
   */
  count(
    record: Pick<ExchangeRecord, 'destination' | 'status' | 'granted' | 'oauthError'>,
    application: number | undefined,
  ): void {
    if (application === undefined || this.#most === 0 || record.destination === 'rejected') return
    const counts = this.#of(String(application))[record.destination]
    const status = Math.floor(record.status / 100)
    counts.byClass[status] = (counts.byClass[status] ?? 0) + 1
    if (record.granted) counts.granted++
    const { oauthError: error } = record
    if (error !== undefined) counts.errors.set(error, (counts.errors.get(error) ?? 0) + 1)
  }

  /** Responses by `class`: `2xx`, `3xx`, `4xx`, `5xx`. */
  requests(): ApplicationSample[] {
    return this.#samples().flatMap(({ labels, counts }) =>
      [...counts.byClass].flatMap((value, index) =>
        value === 0 ? [] : [{ labels: { ...labels, class: `${index}xx` }, value }],
      ),
    )
  }

  /** Tokens granted. */
  grants(): ApplicationSample[] {
    return this.#samples().flatMap(({ labels, counts }) => {
      const isUsed = counts.byClass.some((value) => value > 0)
      return isUsed ? [{ labels, value: counts.granted }] : []
    })
  }

  /** OAuth errors in responses. */
  errors(): ApplicationSample[] {
    return this.#samples().flatMap(({ labels, counts }) =>
      [...counts.errors].map(([error, value]) => ({ labels: { ...labels, error }, value })),
    )
  }

  #samples() {
    return [...this.#applications].flatMap(([application_id, sides]) =>
      (['legacy', 'iam'] as const).map((side) => ({
        labels: { application_id, destination: WIRE_DESTINATION[side] },
        counts: sides[side],
      })),
    )
  }

  #of(application: string): Record<Destination, Counts> {
    const known = this.#applications.get(application)
    if (known !== undefined) return known
    const name = this.#applications.size < this.#most ? application : 'other'
    const held = this.#applications.get(name) ?? { legacy: noCounts(), iam: noCounts() }
    this.#applications.set(name, held)
    return held
  }
}

function noCounts(): Counts {
  return { byClass: new Float64Array(6), granted: 0, errors: new Map() }
}
