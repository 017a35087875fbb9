/** Where a gateway tells the control plane how it stands; beside the stream of snapshots. */
export const GATEWAY_REPORT_PATH = '/api/v1/gateways/reports'

/** Which gateway it is: each process has an `instance` of its own, made when it starts. */
export interface GatewayIdentity {
  readonly instance: string
  /** For people; processes of one machine share it. */
  readonly name: string
  /** The version of handover. */
  readonly version: string
  /** The commit it was built from, where somebody said so. */
  readonly commit: string | undefined
}

/** Requests that one side has answered within the last half minute, and how many of them with 5xx. */
export interface SideTraffic {
  readonly requests: number
  readonly failures: number
}

/** What became of one application's requests at IAM within the last five to ten minutes. */
export interface ApplicationOutcomes {
  readonly id: number
  /** Tokens granted, and other answers that only a client which is known and allowed gets. */
  readonly successes: number
  /** OAuth errors by which the application cannot get on, and the last of them. */
  readonly failures: number
  readonly error?: string | undefined
}

/** How a gateway stands, in its own words. */
export interface GatewayReport extends GatewayIdentity {
  readonly environment: string
  /** The snapshot in use; null for none. */
  readonly snapshotVersion: number | null
  /** With the version, what the snapshot is of; an older gateway reports neither. */
  readonly snapshotEpoch?: string | undefined
  readonly snapshotStamp?: string | undefined
  readonly isCircuitOpen: boolean
  /** Applications whose own circuit is open, at most 100; an older gateway reports none. */
  readonly openApplications?: readonly number[] | undefined
  readonly isBrakeOn: boolean
  /** At most 100, those that fail first; an older gateway reports none. */
  readonly applications?: readonly ApplicationOutcomes[] | undefined
  readonly legacy: SideTraffic
  readonly iam: SideTraffic
}
