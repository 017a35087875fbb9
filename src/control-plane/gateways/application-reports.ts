import { type ApplicationFacts, isFailing, totalsOf } from '../../chatops/index.ts'
import type { Environment } from '../../flags/index.ts'
import type { GatewayRecord } from './gateway-record.ts'

/** The combined reports of an environment's connected gateways about one application. */
export interface ApplicationReport {
  /** Its requests at IAM within the last five to ten minutes: successes, and OAuth errors. */
  readonly successes: number
  readonly failures: number
  /** The OAuth error reported with the most failures; undefined if no gateway names one. */
  readonly error: string | undefined
  /** Almost none of its requests succeed. */
  readonly isFailing: boolean
  /** The gateways where its own circuit is open, by name. */
  readonly circuitOpenAt: readonly string[]
}

/** The reports of gateways about applications, by id. An application that no gateway mentions is absent. */
export function applicationReports(
  records: readonly GatewayRecord[],
  environment: Environment,
): ReadonlyMap<number, ApplicationReport> {
  const connected = records.filter((each) => each.environment === environment && each.isConnected)
  const open = new Map<number, string[]>()
  for (const { name, instance, openApplications } of connected) {
    for (const id of openApplications ?? []) open.set(id, [...(open.get(id) ?? []), name ?? instance])
  }
  const reports = new Map<number, ApplicationReport>()
  const add = (facts: ApplicationFacts) => {
    const { id, successes, failures, error } = facts
    reports.set(id, { successes, failures, error, isFailing: isFailing(facts), circuitOpenAt: open.get(id) ?? [] })
  }
  for (const id of open.keys()) add({ id, successes: 0, failures: 0 })
  for (const facts of totalsOf(connected.flatMap(({ applications }) => applications ?? []))) add(facts)
  return reports
}
