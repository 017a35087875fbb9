import type { Environment } from '../../flags/index.ts'

/** Who is told of changes, and how; what is left out is not told. Tokens and webhook addresses are secrets. */
export interface EffectSettings {
  readonly grafana?: { readonly url: string; readonly token: string } | undefined
  readonly events?: { readonly url: string; readonly token: string | undefined } | undefined
  readonly gitlab?: EffectGitLab | undefined
  /** Incoming webhooks, by environment. */
  readonly qaChannels: Readonly<Partial<Record<Environment, string>>>
}

/** A GitLab that holds records and runs the end-to-end tests. */
export interface EffectGitLab {
  /** Its origin, with the relative URL root if it has one. */
  readonly url: string
  readonly token: string
  /** The project whose issues are the records; none are made without it. */
  readonly recordProject: string | undefined
  readonly pipeline: EffectPipeline | undefined
}

/** The end-to-end tests that a change sets off. */
export interface EffectPipeline {
  readonly project: string
  readonly ref: string
  readonly triggerToken: string
  /** How long its result is waited for. */
  readonly waitMs: number
  readonly pollMs: number
  /** Whether a change for single applications sets it off too. */
  readonly forApplications: boolean
}
