import type { Environment, FlagState } from '../../flags/index.ts'

/** What the control plane keeps at hand of an application. */
export interface ApplicationRecord {
  readonly id: number
  readonly client_id: string
  readonly version: number
  /** The version that IAM holds; null when it holds none. */
  readonly iam_version: number | null
  /** As its platform announced it; an older replica records none. Untrusted text. */
  readonly name?: string | undefined
}

/** Whether IAM holds an application's current version, so that it may be routed there. */
export function hasArrived(application: ApplicationRecord): boolean {
  return application.iam_version !== null && application.iam_version >= application.version
}

/** A flag that somebody has set, and the version that did. */
export interface StoredFlag {
  readonly state: FlagState
  readonly version: number
}

/** The brake of one environment. While it is on, no new flow goes to IAM. */
export interface Brake {
  readonly on: boolean
  readonly reason: string
}

/** One step from a version to the next. Says how things are, not what differs, so applying it twice does no harm. */
export type Change =
  | {
      readonly kind: 'flag'
      readonly environment: Environment
      readonly name: string
      readonly state: FlagState | null
    }
  | { readonly kind: 'brake'; readonly environment: Environment; readonly brake: Brake }
  /** `former_client_id` is the name under which the application was known before, if it has another now. */
  | { readonly kind: 'application'; readonly application: ApplicationRecord; readonly former_client_id?: string }
  | { readonly kind: 'application_removed'; readonly id: number; readonly former_client_id: string }

export interface VersionedChange {
  /** The version this change led to; it began at the one before. */
  readonly version: number
  /** Random, made with the change: a version that was lost and used again has another one. */
  readonly stamp: string
  readonly change: Change
}

/**
 * One state of one history. Where two are equal, what led to them is equal too, also after the database was restored
 * or a standby that lacked the last commits took over. The stamp is empty for a version that no change led to: the
 * first one of an epoch.
 */
export interface Position {
  readonly epoch: string
  readonly version: number
  readonly stamp: string
}
