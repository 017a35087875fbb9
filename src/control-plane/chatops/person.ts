import type { Environment } from '../../flags/index.ts'

/** Whoever gives a command. */
export interface Person {
  readonly name: string
  /** Where they may change something. */
  readonly mayChange: readonly Environment[]
  readonly door: 'slack' | 'api'
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
