import { type ApplicationFacts, isFailing, totalsOf } from '../../chatops/index.ts'
import type { Environment } from '../../flags/index.ts'
import type { GatewayRecord } from './gateway-record.ts'

/** What the connected gateways of an environment report of one application, taken together. */
export interface ApplicationReport {
  /** Its requests at IAM within the last five to ten minutes: those that succeeded, and those that met an OAuth error. */
  readonly successes: number
  readonly failures: number
  /** The OAuth error reported with the most failures; undefined where no gateway names one. */
  readonly error: string | undefined
  /** Nearly no request of it succeeds. */
  readonly isFailing: boolean
  /** The gateways where its own circuit is open, by name. */
  readonly circuitOpenAt: readonly string[]
}

/** What gateways report of applications, by id. An application that no gateway mentions is not in it. */
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
