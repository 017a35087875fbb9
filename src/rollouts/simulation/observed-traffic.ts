import { OUTCOME_KINDS, type OutcomeKind } from '../../outcomes/index.ts'

/** The flows of one application in an observed period. */
export interface ApplicationTraffic {
  /** Flows by kind; a kind without an entry had none. */
  readonly byKind: Readonly<Partial<Record<OutcomeKind, number>>>
  /** Flows of all kinds in each hour since the beginning of the period. */
  readonly byHour: readonly number[]
}

/** What an environment's applications did in a period. */
export interface ObservedTraffic {
  /** Milliseconds since the epoch; the end is exclusive. */
  readonly from: number
  readonly until: number
  readonly applications: ReadonlyMap<number, ApplicationTraffic>
}

/** The kinds that begin without a credential, so that they reach IAM as soon as the application is moved. */
export const NEW_FLOWS: readonly OutcomeKind[] = ['sign_in', 'device', 'client_credentials', 'password']

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** A period is cut to this length, so that the input cannot make the arrays grow without limit. */
export const LONGEST_PERIOD_MS = 7 * DAY_MS

interface HourOfFlows {
  readonly application: number
  readonly kind: OutcomeKind
  /** Hours since the epoch. */
  readonly hour: number
  count: number
}

/** Collects flows one by one, in any order. */
export class TrafficCounter {
  readonly #flows = new Map<string, HourOfFlows>()
  #first = Number.POSITIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY

  /** When the first and the last flow were, in milliseconds since the epoch; undefined before any. */
  get period(): { readonly from: number; readonly until: number } | undefined {
    return this.#flows.size === 0 ? undefined : { from: this.#first, until: this.#last + 1 }
  }

  /** Adds flows of an application; `at` in milliseconds since the epoch. */
  add(application: number, kind: OutcomeKind, at: number, count = 1): void {
    this.#first = Math.min(this.#first, at)
    this.#last = Math.max(this.#last, at)
    const hour = Math.floor(at / HOUR_MS)
    const key = `${application} ${kind} ${hour}`
    const known = this.#flows.get(key)
    if (known === undefined) this.#flows.set(key, { application, kind, hour, count })
    else known.count += count
  }

  /** The flows by hour as lines `application,kind,hour,count`, which {@link readTrafficLines} reads. */
  lines(): string {
    return [...this.#flows.values()]
      .map((each) => `${each.application},${each.kind},${each.hour},${each.count}`)
      .join('\n')
  }

  /**
   * The traffic of the period, by default from the first flow to the last one; undefined if there was none. Flows before
   * the period, or more than a week before its end, do not count.
   */
  traffic(period = this.period): ObservedTraffic | undefined {
    if (period === undefined) return undefined
    const { until } = period
    const from = Math.max(period.from, until - LONGEST_PERIOD_MS)
    if (!(from < until)) return undefined
    const start = Math.floor(from / HOUR_MS)
    const hours = Math.floor((until - 1) / HOUR_MS) - start + 1
    const applications = new Map<number, { byKind: Partial<Record<OutcomeKind, number>>; byHour: number[] }>()
    for (const { application, kind, hour, count } of this.#flows.values()) {
      if (hour < start || hour - start >= hours) continue
      let own = applications.get(application)
      if (own === undefined) {
        own = { byKind: {}, byHour: new Array<number>(hours).fill(0) }
        applications.set(application, own)
      }
      own.byKind[kind] = (own.byKind[kind] ?? 0) + count
      own.byHour[hour - start] = (own.byHour[hour - start] ?? 0) + count
    }
    return { from, until, applications }
  }
}

const LINE = new RegExp(`^([1-9]\\d{0,15}),(${OUTCOME_KINDS.join('|')}),(\\d{1,9}),([1-9]\\d{0,9})$`)

/** Reads what {@link TrafficCounter.lines} wrote; undefined for any other text. */
export function readTrafficLines(text: string): TrafficCounter | undefined {
  const counter = new TrafficCounter()
  for (const line of text.split('\n')) {
    const [, application, kind, hour, count] = LINE.exec(line) ?? []
    if (application === undefined) return undefined
    counter.add(Number(application), kind as OutcomeKind, Number(hour) * HOUR_MS, Number(count))
  }
  return counter
}

/** The flows a day of these kinds, by application. */
export function flowsPerDay(
  { from, until, applications }: ObservedTraffic,
  kinds: readonly OutcomeKind[] = OUTCOME_KINDS,
) {
  const perDay = new Map<number, number>()
  for (const [id, { byKind }] of applications) {
    let sum = 0
    for (const kind of kinds) sum += byKind[kind] ?? 0
    if (sum > 0) perDay.set(id, (sum * DAY_MS) / (until - from))
  }
  return perDay
}

/** The flows a second of these applications: on average, and in their busiest hour. */
export function loadOf({ from, until, applications }: ObservedTraffic, ids: Iterable<number>) {
  const byHour: number[] = []
  for (const id of ids) {
    applications.get(id)?.byHour.forEach((count, hour) => {
      byHour[hour] = (byHour[hour] ?? 0) + count
    })
  }
  const sum = byHour.reduce((all, count) => all + count, 0)
  const average = sum / ((until - from) / 1_000)
  // A period of less than an hour has no hour to speak of.
  const busiest = until - from < HOUR_MS ? average : Math.max(0, ...byHour) / (HOUR_MS / 1_000)
  return { average_per_second: average, peak_per_second: Math.max(average, busiest) }
}
