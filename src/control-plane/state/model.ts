import type { Environment, FlagState } from '../../flags/index.ts'

/** What the control plane holds in memory of an application. */
export interface ApplicationRecord {
  readonly id: number
  readonly client_id: string
  readonly version: number
  /** The version that IAM holds; null for none. */
  readonly iam_version: number | null
  /** The name as its platform announced it; an older replica records none. Untrusted text. */
  readonly name?: string | undefined
}

/** Whether IAM holds an application's current version, so that it may be routed there. */
export function hasArrived(application: ApplicationRecord): boolean {
  return application.iam_version !== null && application.iam_version >= application.version
}

/** The state of a flag that was set, and the version that set it. */
export interface StoredFlag {
  readonly state: FlagState
  readonly version: number
}

/** The brake of one environment. While it is on, no new flow goes to IAM. */
export interface Brake {
  readonly on: boolean
  readonly reason: string
}

/**
 * One step from a version to the next. It holds the new state and not the difference, so applying it twice is harmless.
 */
export type Change =
  | {
      readonly kind: 'flag'
      readonly environment: Environment
      readonly name: string
      readonly state: FlagState | null
    }
  | { readonly kind: 'brake'; readonly environment: Environment; readonly brake: Brake }
  /** `former_client_id` is the application's previous client_id, if it changed. */
  | { readonly kind: 'application'; readonly application: ApplicationRecord; readonly former_client_id?: string }
  | { readonly kind: 'application_removed'; readonly id: number; readonly former_client_id: string }

export interface VersionedChange {
  /** The version to which this change led, from the one before. */
  readonly version: number
  /** Random, created with the change: a version that was lost and used again has another stamp. */
  readonly stamp: string
  readonly change: Change
}

/**
 * One state of one history. Equal positions have an equal past, also after the database was restored or a standby that
 * lacked the last commits took over. The stamp is empty for a version without a change: the first one of an epoch.
 */
export interface Position {
  readonly epoch: string
  readonly version: number
  readonly stamp: string
}
