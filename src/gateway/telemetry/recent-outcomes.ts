import type { ApplicationOutcomes } from '../../routing/index.ts'
import type { ExchangeRecord } from './exchange-record.ts'

/** Outcomes are counted over the last one to two windows of this length. */
const WINDOW_MS = 5 * 60_000
const MOST_APPLICATIONS = 10_000
const MOST_REPORTED = 100

/**
 * Errors that block an application for any user (RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2). Excludes decisions of users,
 * steps of a flow, and errors that mean IAM is down, which the circuit reports.
 */
export const FAULTS_OF_AN_APPLICATION: ReadonlySet<string> = new Set([
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'server_error',
  'other',
])

interface Counts {
  successes: number
  failures: number
  error: string
}

/** Counts recent successes and failures of each known application at IAM. Bounded. */
export class RecentOutcomes {
  readonly #now: () => number
  #current = new Map<number, Counts>()
  #previous = new Map<number, Counts>()
  #rolledAt: number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#rolledAt = now()
  }

  /** Counts an outcome of a known application; ignores outcomes that are neither a success nor a fault. */
  count(record: ExchangeRecord, application: number): void {
    if (record.destination !== 'iam') return
    const { oauthError } = record
    const hasFailed = oauthError !== undefined && FAULTS_OF_AN_APPLICATION.has(oauthError)
    if (!hasFailed && !isSuccess(record)) return
    this.#roll()
    const counts = this.#of(application)
    if (counts === undefined) return
    if (hasFailed) {
      counts.failures++
      counts.error = oauthError
    } else counts.successes++
  }

  /** Reports at most 100 applications: first those with the most failures, then others. */
  report(): ApplicationOutcomes[] {
    this.#roll()
    const failing: ApplicationOutcomes[] = []
    const others: ApplicationOutcomes[] = []
    for (const id of new Set([...this.#current.keys(), ...this.#previous.keys()])) {
      const outcomes = this.#outcomesOf(id)
      if (outcomes.failures > 0) failing.push(outcomes)
      else if (others.length < MOST_REPORTED) others.push(outcomes)
    }
    failing.sort((a, b) => b.failures - a.failures)
    return [...failing, ...others].slice(0, MOST_REPORTED)
  }

  #outcomesOf(id: number): ApplicationOutcomes {
    const [now, before] = [this.#current.get(id), this.#previous.get(id)]
    return {
      id,
      successes: (now?.successes ?? 0) + (before?.successes ?? 0),
      failures: (now?.failures ?? 0) + (before?.failures ?? 0),
      error: now?.error || before?.error || undefined,
    }
  }

  #of(application: number): Counts | undefined {
    const known = this.#current.get(application)
    if (known !== undefined || this.#current.size >= MOST_APPLICATIONS) return known
    const counts = { successes: 0, failures: 0, error: '' }
    this.#current.set(application, counts)
    return counts
  }

  #roll(): void {
    const now = this.#now()
    const passed = now - this.#rolledAt
    if (passed < WINDOW_MS) return
    this.#previous = passed < 2 * WINDOW_MS ? this.#current : new Map()
    this.#current = new Map()
    this.#rolledAt = now
  }
}

/** A token, or another response that only a known and authorized client gets. A page proves nothing. */
function isSuccess({ endpoint, status, granted }: ExchangeRecord): boolean {
  return granted || (status === 200 && (endpoint === 'authorize_device' || endpoint === 'introspect'))
}
