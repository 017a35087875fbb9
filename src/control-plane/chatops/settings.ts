import type { RuleSettings } from '../../chatops/index.ts'
import type { Environment } from '../../flags/index.ts'
import type { AlarmSettings } from './checks/open-alarms.ts'

/** Somebody whom Slack knows by an id, and what they may do here. */
export interface SlackPerson {
  readonly slackId: string
  /** The name under which their changes are kept; the same as of their token, if they have one. */
  readonly name: string
  /** Where they may change something; none for those who only look. */
  readonly mayChange: readonly Environment[]
}

/** The door for Slack's slash command. */
export interface SlackSettings {
  readonly signingSecret: string
  /** Workspaces that are let in; empty for all that know the secret. */
  readonly teamIds: readonly string[]
  readonly people: readonly SlackPerson[]
  /** Whether somebody who is not listed may look. */
  readonly letsStrangersLook: boolean
  /** Hosts that answers may be sent to, beside Slack's own. */
  readonly responseHosts: readonly string[]
}

/** A team that owns flags, by the `group` of their definitions, and the webhook of its channel. */
export interface TeamChannel {
  readonly group: string
  readonly webhook: string
}

/** ChatOps as it is configured. */
export interface ChatOpsSettings {
  readonly rules: RuleSettings
  /** Without it Slack's door is shut. */
  readonly slack: SlackSettings | undefined
  readonly teams: readonly TeamChannel[]
  /** Where the production check asks for open alarms. Default: nowhere. */
  readonly alarms?: AlarmSettings | undefined
}
