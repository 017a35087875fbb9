import { COUNTS_TABLE } from '../settings.ts'
import type { RuntimeApi } from './runtime-api.ts'

/** Where HAProxy answers 503 itself instead of a failing IAM, which its table does not count. */
const CREDENTIAL_BACKEND = 'iam_credential'
const CREDENTIAL_FAILURES = 'token|iam|credential_issuer|503'

/** The requests that HAProxy has decided, as the gateway's metrics; they only grow, also when another HAProxy takes over. */
export class DecisionCounts {
  readonly #api: RuntimeApi
  /** The counts of the running HAProxy as last seen, and those of all before it. */
  #seen = new Map<string, number>()
  readonly #before = new Map<string, number>()

  constructor(api: RuntimeApi) {
    this.#api = api
  }

  /** The counts in Prometheus's text format; as last seen while HAProxy does not answer. Never rejects. */
  async metrics(): Promise<string> {
    const [table, stat] = await Promise.all([
      this.#api.ask(`show table ${COUNTS_TABLE}`).catch(() => undefined),
      this.#api.ask('show stat').catch(() => undefined),
    ])
    if (table !== undefined && stat !== undefined) this.#take(readTable(table, stat))
    return countsText(new Map([...this.#totals()].sort()))
  }

  #take(now: ReadonlyMap<string, number>): void {
    const isAnother = [...this.#seen].some(([key, count]) => (now.get(key) ?? 0) < count)
    if (isAnother) for (const [key, count] of this.#seen) this.#before.set(key, count + (this.#before.get(key) ?? 0))
    this.#seen = new Map(now)
  }

  #totals(): Map<string, number> {
    const totals = new Map(this.#before)
    for (const [key, count] of this.#seen) totals.set(key, count + (totals.get(key) ?? 0))
    return totals
  }
}

function readTable(table: string, stat: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [, key = '', count] of table.matchAll(/key=(\S+) .*gpc0=(\d+)/g)) counts.set(key, Number(count))
  const [head = '', ...rows] = stat.split('\n')
  const column = head.split(',').indexOf('hrsp_5xx')
  const row = rows.find((line) => line.startsWith(`${CREDENTIAL_BACKEND},BACKEND,`))
  const failures = Number(row?.split(',')[column] ?? 0)
  if (failures > 0) counts.set(CREDENTIAL_FAILURES, failures)
  return counts
}

function countsText(counts: ReadonlyMap<string, number>): string {
  const requests = ['# TYPE handover_gateway_requests_total counter']
  const grants = { rails: 0, iam: 0 }
  for (const [key, count] of counts) {
    const [endpoint, destination, reason, code] = key.split('|')
    requests.push(
      `handover_gateway_requests_total{endpoint="${endpoint}",destination="${destination}",reason="${reason}",code="${code}"} ${count}`,
    )
    if (endpoint === 'token' && code === '200') grants[destination === 'iam' ? 'iam' : 'rails'] += count
  }
  const granted = Object.entries(grants).map(
    ([side, count]) => `handover_oauth_application_auth_total{destination="${side}"} ${count}`,
  )
  return [...requests, '# TYPE handover_oauth_application_auth_total counter', ...granted, ''].join('\n')
}
