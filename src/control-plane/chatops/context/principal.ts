import type { Environment } from '../../../flags/index.ts'
import type { Channel } from '../../audit/change-context.ts'

/** The person who gives a command. */
export interface Principal {
  readonly name: string
  readonly role: string
  /** The environments in which they may make changes. */
  readonly mayChange: readonly Environment[]
  readonly channel: Channel
  /** The channel through which the command came, for the audit log. */
  readonly from: string | null
  /** The Slack channel of the command; undefined outside Slack. */
  readonly slackChannel: string | undefined
}

/** One command in progress. */
export interface Run {
  readonly principal: Principal
  readonly correlationId: string
  /** Notifies the person that the command takes longer. Never rejects. */
  readonly progress: (text: string) => Promise<void>
  /** Ends all waiting, because the control plane stops. */
  readonly signal: AbortSignal
}
