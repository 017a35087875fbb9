import type { ApplicationOutcomes, GatewayReport, SideTraffic } from '../../routing/index.ts'

/** What is known of one gateway process; null where it has not said. Times in milliseconds since 1970. */
export interface GatewayRecord {
  readonly instance: string
  readonly name: string | null
  readonly version: string | null
  readonly commit: string | null
  readonly environment: string
  /** Whether it follows the stream of a replica of the control plane. */
  readonly isConnected: boolean
  readonly connectedAt: number | null
  /** When it was last heard, by its stream's opening or by a report. */
  readonly heardAt: number
  readonly snapshotVersion: number | null
  /** For how long it has been behind; 0 when it is not; null for one that does not report. */
  readonly behindMs: number | null
  readonly isCircuitOpen: boolean | null
  /** Applications whose own circuit is open; an older gateway does not say. */
  readonly openApplications: readonly number[] | null
  readonly isBrakeOn: boolean | null
  /** What became of applications' requests at IAM lately; an older gateway does not say. */
  readonly applications: readonly ApplicationOutcomes[] | null
  readonly legacy: SideTraffic | null
  readonly iam: SideTraffic | null
}

/** The record of a gateway of which nothing is known but that its stream is open, or was. */
export function freshRecord(instance: string, environment: string, now: number): GatewayRecord {
  return {
    instance,
    name: null,
    version: null,
    commit: null,
    environment,
    isConnected: false,
    connectedAt: null,
    heardAt: now,
    snapshotVersion: null,
    behindMs: null,
    isCircuitOpen: null,
    openApplications: null,
    isBrakeOn: null,
    applications: null,
    legacy: null,
    iam: null,
  }
}

/** A record with what a report says. */
export function withReport(record: GatewayRecord, report: GatewayReport, now: number): GatewayRecord {
  const { commit, openApplications, applications, snapshotEpoch: _epoch, snapshotStamp: _stamp, ...said } = report
  return {
    ...record,
    ...said,
    commit: commit ?? null,
    openApplications: openApplications ?? null,
    applications: applications ?? null,
    heardAt: now,
  }
}

/** What tells gateways apart: whoever speaks for one environment does not speak for another's gateway. */
export function gatewayKey({ environment, instance }: Pick<GatewayRecord, 'environment' | 'instance'>): string {
  return `${environment} ${instance}`
}

/**
 * One list out of what several replicas know: a stream belongs to one of them, and reports may reach another, so of
 * each gateway what was heard last counts, and it is connected if it is so anywhere. In the order of names.
 */
export function mergeRecords(lists: ReadonlyArray<readonly GatewayRecord[]>): GatewayRecord[] {
  const merged = new Map<string, GatewayRecord>()
  for (const record of lists.flat()) {
    const key = gatewayKey(record)
    const held = merged.get(key)
    merged.set(key, held === undefined ? record : mergeTwo(held, record))
  }
  const key = ({ environment, name, instance }: GatewayRecord) => `${environment} ${name ?? ''} ${instance}`
  return [...merged.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function mergeTwo(a: GatewayRecord, b: GatewayRecord): GatewayRecord {
  const hasReported = (record: GatewayRecord) => record.isCircuitOpen !== null
  const isBLater = hasReported(a) === hasReported(b) ? b.heardAt > a.heardAt : hasReported(b)
  const [later, earlier] = isBLater ? [b, a] : [a, b]
  return {
    ...later,
    name: later.name ?? earlier.name,
    version: later.version ?? earlier.version,
    commit: later.commit ?? earlier.commit,
    isConnected: a.isConnected || b.isConnected,
    connectedAt: a.isConnected ? a.connectedAt : b.isConnected ? b.connectedAt : later.connectedAt,
    heardAt: Math.max(a.heardAt, b.heardAt),
  }
}
