import type { Environment } from '../../../flags/index.ts'
import type { Door } from '../../audit/cause.ts'

/** The person who gives a command. */
export interface Person {
  readonly name: string
  readonly role: string
  /** The environments in which they may make changes. */
  readonly mayChange: readonly Environment[]
  readonly door: Door
  /** The channel through which the command came, for the audit log. */
  readonly from: string | null
  /** The Slack channel of the command; undefined outside Slack. */
  readonly channel: string | undefined
}

/** One command in progress. */
export interface Run {
  readonly person: Person
  readonly correlationId: string
  /** Notifies the person that the command takes longer. Never rejects. */
  readonly progress: (text: string) => Promise<void>
  /** Ends all waiting, because the control plane stops. */
  readonly signal: AbortSignal
}
