import type { Environment } from '../../../flags/index.ts'
import type { Door } from '../../audit/cause.ts'

/** Whoever gives a command. */
export interface Person {
  readonly name: string
  readonly role: string
  /** Where they may change something. */
  readonly mayChange: readonly Environment[]
  readonly door: Door
  /** Where they speak from, for the audit log. */
  readonly from: string | null
  /** The Slack channel they speak in; undefined where there is none. */
  readonly channel: string | undefined
}

/** One command being carried out. */
export interface Run {
  readonly person: Person
  readonly correlationId: string
  /** Tells the person that it takes longer. Never rejects. */
  readonly progress: (text: string) => Promise<void>
  /** Ends waiting, because the control plane stops. */
  readonly signal: AbortSignal
}
