import type { ApplicationOutcomes, GatewayReport, SideTraffic } from '../../routing/index.ts'

/**
 * The known state of one gateway process; null for values it has not reported. Times are in milliseconds since 1970.
 */
export interface GatewayRecord {
  readonly instance: string
  readonly name: string | null
  readonly version: string | null
  readonly commit: string | null
  readonly environment: string
  /** Whether it follows the stream of a replica of the control plane. */
  readonly isConnected: boolean
  readonly connectedAt: number | null
  /** When it last opened its stream or reported. */
  readonly heardAt: number
  readonly snapshotVersion: number | null
  /** How long it has been behind; 0 if it is not; null for one that does not report. */
  readonly behindMs: number | null
  readonly isCircuitOpen: boolean | null
  /** Applications whose own circuit is open; an older gateway does not report them. */
  readonly openApplications: readonly number[] | null
  readonly isBrakeOn: boolean | null
  /** The recent outcomes of applications' requests at IAM; an older gateway does not report them. */
  readonly applications: readonly ApplicationOutcomes[] | null
  readonly legacy: SideTraffic | null
  readonly iam: SideTraffic | null
}

/** The record of a gateway of which only its stream is known, open or closed. */
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

/** A record updated with a report. */
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

/** The identity of a gateway: a token for one environment cannot report for a gateway of another. */
export function gatewayKey({ environment, instance }: Pick<GatewayRecord, 'environment' | 'instance'>): string {
  return `${environment} ${instance}`
}

/**
 * Merges the lists of several replicas: a stream belongs to one of them, and reports may reach another, so the latest
 * report of each gateway counts, and it is connected if any replica has its stream. In the order of names.
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
