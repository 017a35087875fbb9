import type { RuleSettings } from '../../chatops/index.ts'
import type { Environment } from '../../flags/index.ts'
import type { AlarmSettings } from './checks/open-alarms.ts'

/** A person whom Slack identifies by an id, and their rights here. */
export interface SlackUser {
  readonly slackId: string
  /** The name under which their changes are recorded; the same as that of their token, if they have one. */
  readonly name: string
  /** The environments in which they may make changes; none for people who only read. */
  readonly mayChange: readonly Environment[]
}

/** The endpoint of Slack's slash command. */
export interface SlackSettings {
  readonly signingSecret: string
  /** The workspaces that are admitted; empty for all that know the secret. */
  readonly teamIds: readonly string[]
  readonly people: readonly SlackUser[]
  /** Whether people who are not listed may read. */
  readonly letsStrangersLook: boolean
  /** Hosts that answers may be sent to, in addition to Slack's own. */
  readonly responseHosts: readonly string[]
}

/** A team that owns flags, by the `group` of their definitions, and the webhook of its channel. */
export interface TeamChannel {
  readonly group: string
  readonly webhook: string
}

/** The configuration of ChatOps. */
export interface ChatOpsSettings {
  readonly rules: RuleSettings
  /** Without it, Slack commands are disabled. */
  readonly slack: SlackSettings | undefined
  readonly teams: readonly TeamChannel[]
  /** Where the production check queries open alarms. Default: nowhere. */
  readonly alarms?: AlarmSettings | undefined
}
