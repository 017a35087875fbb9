/** Path of the control plane for gateway reports, next to the snapshot stream. */
export const GATEWAY_REPORT_PATH = '/api/v1/gateways/reports'

/** Identifies a gateway: each process has its own `instance`, generated at startup. */
export interface GatewayIdentity {
  readonly instance: string
  /** A display name; processes of one machine share it. */
  readonly name: string
  /** The version of handover. */
  readonly version: string
  /** The commit from which it was built, if known. */
  readonly commit: string | undefined
}

/** Number of requests that one side has answered within the last half minute, and the number of 5xx among them. */
export interface SideTraffic {
  readonly requests: number
  readonly failures: number
}

/** Outcomes of one application's requests at IAM within the last five to ten minutes. */
export interface ApplicationOutcomes {
  readonly id: number
  /** Tokens granted, and other responses that only a known and authorized client gets. */
  readonly successes: number
  /** OAuth errors that block the application, and the most recent of them. */
  readonly failures: number
  readonly error?: string | undefined
}

/** The state of a gateway, as it reports it. */
export interface GatewayReport extends GatewayIdentity {
  readonly environment: string
  /** The snapshot in use; null for none. */
  readonly snapshotVersion: number | null
  /** Together with the version they identify the snapshot; an older gateway reports neither. */
  readonly snapshotEpoch?: string | undefined
  readonly snapshotStamp?: string | undefined
  readonly isCircuitOpen: boolean
  /** Applications with an open circuit, at most 100; an older gateway reports none. */
  readonly openApplications?: readonly number[] | undefined
  readonly isBrakeOn: boolean
  /** At most 100, failing ones first; an older gateway reports none. */
  readonly applications?: readonly ApplicationOutcomes[] | undefined
  readonly legacy: SideTraffic
  readonly iam: SideTraffic
}
